//! A writer of small PDFs, so that every fixture is text that we wrote.

#![allow(
    dead_code,
    reason = "each test file that includes this uses a part of it"
)]

use std::fmt::Write as _;

/// A page under construction: text at a place, from the page's top left.
#[derive(Default)]
pub struct Page {
    content: String,
    top: f64,
}

impl Page {
    pub fn new() -> Self {
        Self {
            content: String::new(),
            top: 40.0,
        }
    }

    /// A line at a place.
    pub fn at(mut self, left: f64, top: f64, size: f64, text: &str) -> Self {
        let text = text
            .replace('\\', "\\\\")
            .replace('(', "\\(")
            .replace(')', "\\)");
        let up = 792.0 - top;
        writeln!(
            self.content,
            "BT /F1 {size} Tf 1 0 0 1 {left} {up} Tm ({text}) Tj ET"
        )
        .unwrap();
        self
    }

    /// A line below the last one, without a gap.
    pub fn line(mut self, left: f64, size: f64, text: &str) -> Self {
        self.top += size * 1.15;
        let top = self.top;
        self.at(left, top, size, text)
    }

    /// A line below the last one, with a gap, as headings and paragraphs have.
    pub fn gap(mut self, left: f64, size: f64, text: &str) -> Self {
        self.top += size;
        self.line(left, size, text)
    }
}

/// The file. `extra` are further objects, from number 4 + 2 x pages on; `page` is put into each page's dictionary.
pub fn pdf_with(pages: &[Page], page: &str, extra: &[String]) -> Vec<u8> {
    let mut objects: Vec<String> = Vec::new();
    let kids: Vec<String> = (0..pages.len())
        .map(|i| format!("{} 0 R", 4 + 2 * i))
        .collect();
    objects.push("<< /Type /Catalog /Pages 2 0 R >>".into());
    objects.push(format!(
        "<< /Type /Pages /Kids [{}] /Count {} >>",
        kids.join(" "),
        pages.len()
    ));
    objects.push(
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".into(),
    );
    for (i, p) in pages.iter().enumerate() {
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /Contents {} 0 R {page} >>",
            5 + 2 * i
        ));
        objects.push(format!(
            "<< /Length {} >>\nstream\n{}\nendstream",
            p.content.len(),
            p.content
        ));
    }
    objects.extend_from_slice(extra);
    let mut file = String::from("%PDF-1.4\n");
    let mut offsets = Vec::new();
    for (i, object) in objects.iter().enumerate() {
        offsets.push(file.len());
        writeln!(file, "{} 0 obj\n{object}\nendobj", i + 1).unwrap();
    }
    let start = file.len();
    write!(file, "xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).unwrap();
    for offset in offsets {
        writeln!(file, "{offset:010} 00000 n ").unwrap();
    }
    write!(
        file,
        "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n",
        objects.len() + 1
    )
    .unwrap();
    file.into_bytes()
}

/// What every page needs.
pub const PLAIN: &str = "/MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >>";

pub fn pdf(pages: &[Page]) -> Vec<u8> {
    pdf_with(pages, PLAIN, &[])
}

/// Guidelines of our own in the layout of the ICD-10-CM Official Guidelines: a title page, a table of contents, sections
/// of six levels, an appendix, running headers.
pub fn guidelines() -> Vec<u8> {
    let head = |page: Page, n: u32| {
        page.at(
            72.0,
            30.0,
            10.0,
            "ICD-10-CM Official Guidelines for Coding and Reporting",
        )
        .at(72.0, 42.0, 10.0, "FY 2026")
        .at(72.0, 54.0, 10.0, &format!("Page {n} of 5"))
    };
    let dots = ".".repeat(60);
    let pages = [
        Page::new()
            .line(110.0, 16.0, "ICD-10-CM Official Guidelines for Coding and Reporting")
            .line(190.0, 16.0, "FY 2026 -- UPDATED October 1, 2025")
            .line(190.0, 16.0, "(October 1, 2025 - September 30, 2026)")
            .gap(72.0, 12.0, "These are rules that we wrote for a test. Section I holds rules, and Section II holds more of them."),
        head(Page::new(), 2)
            .at(72.0, 100.0, 12.0, &format!("Section I. Rules {dots} 3"))
            .at(72.0, 114.0, 12.0, &format!("A. First rules {dots} 3"))
            .at(72.0, 128.0, 12.0, "1. A rule with a long name that goes over two")
            .at(72.0, 142.0, 12.0, &format!("lines {dots} 3"))
            .at(72.0, 156.0, 12.0, &format!("Section II. More {dots} 4")),
        head(Page::new(), 3)
            .at(66.0, 100.0, 16.0, "Section I. Rules")
            .at(102.0, 140.0, 14.0, "A. First rules")
            .at(120.0, 170.0, 12.0, "The rules of this section hold for everyone who codes, in every place, and there is no")
            .at(120.0, 183.8, 12.0, "place where they do not hold. A paragraph may be long enough to go over several lines")
            .at(120.0, 197.6, 12.0, "and to end in a hyphen as in ICD-")
            .at(120.0, 211.4, 12.0, "10-CM, which stays.")
            .at(121.0, 240.0, 13.0, "1. A rule with a long name that goes over two lines because it needs that many words")
            .at(148.0, 255.0, 13.0, "for its name")
            .at(156.0, 280.0, 12.0, "The 7")
            .at(187.0, 276.0, 8.0, "th")
            .at(197.0, 280.0, 12.0, "character comes last. There are lists in the text:")
            .at(174.0, 300.0, 12.0, "1. of items that are no rules,")
            .at(174.0, 313.8, 12.0, "2. and of others.")
            .at(121.0, 340.0, 13.0, "2. Another rule")
            .at(170.0, 370.0, 14.0, "a. Its part")
            .at(200.0, 400.0, 13.0, "1) A part of its part")
            .at(250.0, 430.0, 12.0, "(a) Below")
            .at(264.0, 447.0, 12.0, "Text below the part of the part, which is")
            .at(286.0, 480.0, 12.0, "(i) Lowest")
            .at(304.0, 497.0, 12.0, "Text of the lowest level that there is.")
            .at(304.0, 700.0, 12.0, "It goes on over the end of the page without a full stop, because the"),
        head(Page::new(), 4)
            .at(304.0, 80.0, 12.0, "sentence is long.")
            .at(102.0, 110.0, 14.0, "B. Second rules")
            .at(120.0, 140.0, 12.0, "There is one.")
            .at(66.0, 180.0, 16.0, "Section II. More")
            .at(102.0, 220.0, 14.0, "A. Of them")
            .at(120.0, 250.0, 12.0, "As was said in Section I. Rules, they hold."),
        head(Page::new(), 5)
            .at(260.0, 100.0, 16.0, "Appendix I")
            .at(200.0, 118.0, 16.0, "Ours on admission")
            .at(72.0, 150.0, 14.0, "Introduction")
            .at(72.0, 180.0, 12.0, "An appendix has headings without numbers."),
    ];
    pdf(&pages)
}
