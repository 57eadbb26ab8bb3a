//! Forms without pages: DOCX, HTML, Markdown, plain text.

use std::io::BufReader;

use html5gum::{DefaultEmitter, Token, Tokenizer};
use pulldown_cmark::{Event as Md, Options, Parser, Tag, TagEnd};
use quick_xml::events::Event;

use super::{Builder, Document};
use crate::error::{Place, ReadError};
use crate::member::Member;
use crate::pdf::squeezed;

/// Largest file of text. A code of regulations has 30 MB.
pub(super) const LARGEST: u64 = 64 << 20;

/// What a document without pages is made of.
pub(super) enum Part {
    /// A heading and its level from 1.
    Heading(u32, String),
    /// A paragraph, item or row.
    Text(String),
}

/// The paragraphs of a Word document; the styles whose names begin with `Heading`, and `Title`, are headings.
pub(super) fn word(member: &Member) -> Result<Document, ReadError> {
    let damaged = |what: String| ReadError::damaged(&member.path, Place::Whole, what);
    let mut archive = zip::ZipArchive::new(member.open()?).map_err(|e| damaged(e.to_string()))?;
    let entry = archive
        .by_name("word/document.xml")
        .map_err(|e| damaged(e.to_string()))?;
    // What is really unpacked counts, not what the archive says.
    let bounded = std::io::Read::take(entry, LARGEST);
    let mut reader = quick_xml::Reader::from_reader(BufReader::new(bounded));
    let mut builder = Builder::default();
    let mut title = None;
    let mut buffer = Vec::new();
    let mut paragraph = String::new();
    let mut row: Option<Vec<String>> = None;
    let mut style: Option<String> = None;
    let mut inside = false;
    // Deleted text of tracked changes, and the codes of fields, are not printed.
    let mut ended = false;
    loop {
        let event = reader
            .read_event_into(&mut buffer)
            .map_err(|e| damaged(format!("the document's XML is broken: {e}")))?;
        match event {
            Event::Start(ref e) | Event::Empty(ref e) => match e.local_name().as_ref() {
                "t" => inside = matches!(event, Event::Start(_)),
                "tab" | "br" | "cr" => paragraph.push(' '),
                "noBreakHyphen" => paragraph.push('-'),
                "tr" => row = Some(Vec::new()),
                "pStyle" => {
                    style = e
                        .try_get_attribute("w:val")
                        .ok()
                        .flatten()
                        .map(|a| a.value.to_lowercase());
                }
                _ => {}
            },
            Event::Text(ref t) if inside => {
                paragraph.push_str(t);
            }
            Event::GeneralRef(ref r) if inside => {
                if let Ok(Some(c)) = r.resolve_char_ref() {
                    paragraph.push(c);
                } else {
                    if let Some(c) = quick_xml::escape::resolve_predefined_entity(r) {
                        paragraph.push_str(c);
                    }
                }
            }
            Event::End(ref e) => match e.local_name().as_ref() {
                "t" => inside = false,
                "p" => {
                    let text = squeezed(&std::mem::take(&mut paragraph));
                    let style = style.take().unwrap_or_default();
                    let level = style
                        .strip_prefix("heading")
                        .map(|n| n.trim().parse().unwrap_or(1));
                    match (&mut row, level) {
                        (Some(cells), _) => {
                            if !text.is_empty() {
                                cells.push(text);
                            }
                        }
                        (None, Some(level)) if !text.is_empty() => {
                            builder.heading(level, text, None);
                        }
                        (None, None) if style == "title" && title.is_none() => title = Some(text),
                        _ => builder.block(None, None, text),
                    }
                }
                "tr" => {
                    if let Some(cells) = row.take() {
                        builder.block(None, None, cells.join(" | "));
                    }
                }
                "document" => ended = true,
                _ => {}
            },
            Event::Eof => break,
            _ => {}
        }
        buffer.clear();
    }
    if !ended {
        return Err(damaged(
            "the document ends in its middle, or is larger than a document".into(),
        ));
    }
    let document = builder.finish(title);
    Ok(titled(document))
}

/// A document without a title is called by its first heading.
fn titled(mut document: Document) -> Document {
    if document.title.is_none() {
        document.title = document.headings.first().map(|h| h.text.clone());
    }
    document
}

/// An HTML page.
pub(super) fn html(text: &str) -> Document {
    let mut builder = Builder::default();
    let title = html_blocks(text, &mut |part| match part {
        Part::Heading(level, text) => builder.heading(level, text, None),
        Part::Text(text) => builder.block(None, None, text),
    });
    titled(builder.finish(title))
}

/// Elements whose text is not a document's.
const SILENT: [&str; 6] = ["script", "style", "noscript", "template", "nav", "title"];

/// Reads HTML in document order: headings, and the text of each block; a table's row is one block. Scripts, styles and
/// what only navigates are left out. Returns the page's title. Only tags are looked at and no tree is built: pages
/// nested a million deep cost nothing, and cells of HTML need not be whole.
pub(super) fn html_blocks(text: &str, take: &mut dyn FnMut(Part)) -> Option<String> {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut title = String::new();
    let mut current = String::new();
    let mut heading: Option<u32> = None;
    let mut silent: Vec<String> = Vec::new();
    let mut row = false;
    let mut end = |current: &mut String, heading: Option<u32>| {
        let text = squeezed(current);
        current.clear();
        let text = text.trim_end_matches(" |").to_owned();
        if !text.is_empty() {
            match heading {
                Some(level) => take(Part::Heading(level, text)),
                None => take(Part::Text(text)),
            }
        }
    };
    for token in Tokenizer::new_with_emitter(text, emitter).flatten() {
        match token {
            Token::String(text) => {
                let text = String::from_utf8_lossy(&text);
                match silent.last().map(String::as_str) {
                    None => current.push_str(&text),
                    Some("title") if silent.len() == 1 => title.push_str(&text),
                    Some(_) => {}
                }
            }
            Token::StartTag(tag) => {
                let name = String::from_utf8_lossy(&tag.name).into_owned();
                match name.as_str() {
                    name if SILENT.contains(&name) && !tag.self_closing => {
                        silent.push(name.to_owned());
                    }
                    "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                        end(&mut current, heading);
                        heading = name[1..].parse().ok();
                    }
                    "br" if row || heading.is_some() => current.push(' '),
                    "tr" => {
                        end(&mut current, heading);
                        row = true;
                    }
                    "td" | "th" if row => cell(&mut current),
                    name if is_block(name) && row => current.push(' '),
                    name if is_block(name) => end(&mut current, heading),
                    _ => {}
                }
            }
            Token::EndTag(tag) => {
                let name = String::from_utf8_lossy(&tag.name);
                match name.as_ref() {
                    name if SILENT.contains(&name) => {
                        // What stands open inside of it ends with it.
                        if let Some(at) = silent.iter().rposition(|s| s == name) {
                            silent.truncate(at);
                        }
                    }
                    "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                        end(&mut current, heading);
                        heading = None;
                    }
                    "td" | "th" if row => cell(&mut current),
                    "tr" | "table" => {
                        end(&mut current, heading);
                        row = false;
                    }
                    name if is_block(name) && !row => end(&mut current, heading),
                    _ => {}
                }
            }
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    end(&mut current, heading);
    let title = squeezed(&title);
    (!title.is_empty()).then_some(title)
}

/// Ends a cell of a row, if it is not ended yet.
fn cell(current: &mut String) {
    if !squeezed(current).is_empty() && !current.ends_with(" | ") {
        current.push_str(" | ");
    }
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "body"
            | "br"
            | "caption"
            | "center"
            | "dd"
            | "details"
            | "div"
            | "dl"
            | "dt"
            | "figcaption"
            | "footer"
            | "form"
            | "header"
            | "hr"
            | "li"
            | "main"
            | "ol"
            | "p"
            | "pre"
            | "section"
            | "summary"
            | "table"
            | "tbody"
            | "thead"
            | "ul"
    )
}

/// A Markdown file.
pub(super) fn markdown(text: &str) -> Document {
    let mut builder = Builder::default();
    let mut current = String::new();
    let mut level: Option<u32> = None;
    let mut row = false;
    let mut hidden = false;
    let block = |builder: &mut Builder, current: &mut String| {
        builder.block(None, None, squeezed(current));
        current.clear();
    };
    for event in Parser::new_ext(
        text,
        Options::ENABLE_TABLES | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS,
    ) {
        match event {
            Md::Start(Tag::MetadataBlock(_)) => hidden = true,
            Md::End(TagEnd::MetadataBlock(_)) => hidden = false,
            Md::Start(Tag::Heading { level: l, .. }) => {
                block(&mut builder, &mut current);
                level = Some(l as u32);
            }
            Md::End(TagEnd::Heading(_)) => {
                let heading = squeezed(&std::mem::take(&mut current));
                if let (Some(level), false) = (level.take(), heading.is_empty()) {
                    builder.heading(level, heading, None);
                }
            }
            Md::Start(Tag::TableRow | Tag::TableHead) => row = true,
            Md::End(TagEnd::TableRow | TagEnd::TableHead) => {
                row = false;
                let text = squeezed(&std::mem::take(&mut current));
                builder.block(None, None, text.trim_end_matches(" |").to_owned());
            }
            Md::End(TagEnd::TableCell) => current.push_str(" | "),
            Md::Start(Tag::Item | Tag::Paragraph | Tag::CodeBlock(_) | Tag::BlockQuote(_))
            | Md::End(TagEnd::Item | TagEnd::Paragraph | TagEnd::CodeBlock)
                if !row =>
            {
                block(&mut builder, &mut current);
            }
            Md::Text(t) | Md::Code(t) if !hidden => current.push_str(&t),
            Md::SoftBreak | Md::HardBreak => current.push(' '),
            _ => {}
        }
    }
    block(&mut builder, &mut current);
    titled(builder.finish(None))
}

/// Plain text: paragraphs between empty lines.
pub(super) fn plain(text: &str) -> Document {
    let mut builder = Builder::default();
    let mut current = String::new();
    let mut title = None;
    for line in text.lines() {
        if line.trim().is_empty() {
            builder.block(None, None, squeezed(&std::mem::take(&mut current)));
        } else {
            if title.is_none() && line.len() < 120 {
                title = Some(squeezed(line));
            }
            current.push_str(line);
            current.push(' ');
        }
    }
    builder.block(None, None, squeezed(&current));
    builder.finish(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(document: &Document) -> Vec<(&str, &str)> {
        document
            .passages
            .iter()
            .map(|p| (p.locator.as_str(), p.text.as_str()))
            .collect()
    }

    #[test]
    fn html_keeps_headings_and_rows_and_drops_scripts() {
        let page = "<!doctype html><html><head><title> Our  page </title><style>p{}</style></head><body>
            <nav>Menu</nav><h1>Claims</h1><p>Send them <b>early</b>.<br>Or&nbsp;late &amp; sorry.</p>
            <script>alert(1)</script><h2>Fees</h2>
            <table><tr><th>Code<th>Fee</tr><tr><td><p>1</p></td><td>2 $</td></tr></table>
            <ul><li>one<li>two</ul>tail</body></html>";
        let document = html(page);
        assert_eq!(document.title.as_deref(), Some("Our page"));
        assert_eq!(
            shown(&document),
            [
                ("Claims", "Send them early.\nOr late & sorry."),
                ("Claims > Fees", "Code | Fee\n1 | 2 $\none\ntwo\ntail")
            ]
        );
    }

    #[test]
    fn html_nested_deeply_is_text_in_no_time() {
        let deep = format!("{}x{}", "<div>".repeat(100_000), "</div>".repeat(100_000));
        assert_eq!(shown(&html(&deep)), [("", "x")]);
    }

    #[test]
    fn markdown_keeps_headings_items_and_rows() {
        let document = markdown(
            "---\na: b\n---\n# Our rules\n\nFirst *things*\nfirst.\n\n- one\n- two `x`\n\n## More\n\n|a|b|\n|-|-|\n|1|2|\n",
        );
        assert_eq!(document.title.as_deref(), Some("Our rules"));
        assert_eq!(
            shown(&document),
            [
                ("Our rules", "First things first.\none\ntwo x"),
                ("Our rules > More", "a | b\n1 | 2")
            ]
        );
    }

    #[test]
    fn plain_text_has_paragraphs() {
        let document = plain("Our memo\n\nOne\nline.\n\nTwo.");
        assert_eq!(document.title.as_deref(), Some("Our memo"));
        assert_eq!(shown(&document), [("", "Our memo\nOne line.\nTwo.")]);
    }

    pub(super) fn docx(xml: &str) -> Vec<u8> {
        use std::io::Write as _;
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file("word/document.xml", options).unwrap();
        writer.write_all(xml.as_bytes()).unwrap();
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn word_documents() {
        let p = |style: &str, text: &str| {
            format!(
                "<w:p><w:pPr><w:pStyle w:val=\"{style}\"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"
            )
        };
        let body = [
            p("Title", "Our manual"),
            p("Heading1", "Claims &amp; such"),
            "<w:p><w:r><w:t>One </w:t></w:r><w:r><w:delText>no</w:delText><w:t>text.</w:t></w:r></w:p>".into(),
            p("Heading2", "Late"),
            format!("<w:tbl><w:tr><w:tc>{}</w:tc><w:tc>{}</w:tc></w:tr></w:tbl>", p("x", "a"), p("x", "b")),
        ]
        .concat();
        let xml = format!("<w:document xmlns:w=\"w\"><w:body>{body}</w:body></w:document>");
        let document = word(&Member::from_bytes("m.docx", docx(&xml))).unwrap();
        assert_eq!(document.title.as_deref(), Some("Our manual"));
        assert_eq!(
            shown(&document),
            [
                ("Claims & such", "One text."),
                ("Claims & such > Late", "a | b")
            ]
        );
        let cut = docx(&xml[..xml.len() - 20]);
        let said = word(&Member::from_bytes("m.docx", cut))
            .unwrap_err()
            .to_string();
        assert!(said.contains("download it"), "{said}");
        let cut = docx(&xml[..xml.len() - "</w:body></w:document>".len()]);
        let said = word(&Member::from_bytes("m.docx", cut))
            .unwrap_err()
            .to_string();
        assert!(said.contains("ends in its middle"), "{said}");
    }
}
