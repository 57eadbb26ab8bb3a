//! Scenes as SVG: a layout of our own, text as text, the reader's own fonts.
//!
//! A line of text is one `<text>` whose pieces follow each other, so that a font of another width leaves no gap; only where
//! lines break depends on a guess of widths, and the guess is generous.

use std::fmt::Write;

use super::{Button, Field, Look, Part, Platform, Run, Scene, Tone};

const WIDTH: f64 = 640.0;
const MARGIN: f64 = 16.0;
/// Where text begins beside a picture of who speaks.
const INDENT: f64 = 64.0;
const SIZE: f64 = 14.0;
const SMALL: f64 = 12.0;
const LEADING: f64 = 20.0;
const FONTS: &str = "Helvetica, Arial, 'Liberation Sans', sans-serif";
const MONO: &str = "Menlo, Consolas, 'Liberation Mono', monospace";

struct Colours {
    ground: &'static str,
    raised: &'static str,
    edge: &'static str,
    text: &'static str,
    quiet: &'static str,
    link: &'static str,
    primary: &'static str,
    danger: &'static str,
    /// Plain buttons: their ground, edge and text.
    button: [&'static str; 3],
    field: &'static str,
}

const SLACK: Colours = Colours {
    ground: "#ffffff",
    raised: "#ffffff",
    edge: "#cfcfd2",
    text: "#1d1c1d",
    quiet: "#616061",
    link: "#1264a3",
    primary: "#007a5a",
    danger: "#e01e5a",
    button: ["#ffffff", "#bbbabb", "#1d1c1d"],
    field: "#ffffff",
};

const DISCORD: Colours = Colours {
    ground: "#313338",
    raised: "#2b2d31",
    edge: "#1e1f22",
    text: "#dbdee1",
    quiet: "#949ba4",
    link: "#00a8fc",
    primary: "#5865f2",
    danger: "#da373c",
    button: ["#4e5058", "#4e5058", "#ffffff"],
    field: "#1e1f22",
};

/// Scenes below each other. `title` is what a screen reader says.
pub fn draw(platform: Platform, title: &str, scenes: &[Scene]) -> String {
    let colours = match platform {
        Platform::Slack => &SLACK,
        Platform::Discord => &DISCORD,
    };
    let mut page = Page {
        colours,
        platform,
        body: String::new(),
        y: MARGIN,
    };
    for scene in scenes {
        page.scene(scene);
    }
    let height = (page.y + MARGIN - 8.0).ceil();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\" font-family=\"{FONTS}\">\n<title>{}</title>\n<rect width=\"{WIDTH}\" height=\"{height}\" rx=\"8\" \
         fill=\"{}\" stroke=\"{}\"/>\n{}</svg>\n",
        escaped(title),
        colours.ground,
        colours.edge,
        page.body
    )
}

struct Page {
    colours: &'static Colours,
    platform: Platform,
    body: String,
    /// Where the next thing goes.
    y: f64,
}

impl Page {
    fn scene(&mut self, scene: &Scene) {
        match scene {
            Scene::Place(place) => {
                let runs = [Run::new(place, Look::Plain)];
                self.text(&runs, MARGIN, WIDTH - MARGIN, SMALL, self.colours.quiet);
                self.y += 8.0;
            }
            Scene::Typed(text) => {
                self.boxed(MARGIN, WIDTH - MARGIN, self.colours.field, |page| {
                    let runs = [Run::new(text, Look::Plain)];
                    page.text(
                        &runs,
                        MARGIN + 12.0,
                        WIDTH - MARGIN - 12.0,
                        SIZE,
                        page.colours.text,
                    );
                });
                self.y += 12.0;
            }
            Scene::Choices(choices) => {
                self.boxed(MARGIN, WIDTH - MARGIN, self.colours.raised, |page| {
                    for choice in choices {
                        let runs = [Run::new(choice, Look::Plain)];
                        page.text(
                            &runs,
                            MARGIN + 12.0,
                            WIDTH - MARGIN - 12.0,
                            SIZE,
                            page.colours.text,
                        );
                        page.y += 2.0;
                    }
                });
                self.y += 12.0;
            }
            Scene::Person(runs) => {
                self.face("d", "#7a5195");
                self.speaker("dana", false);
                self.text(runs, INDENT, WIDTH - MARGIN, SIZE, self.colours.text);
                self.y += 14.0;
            }
            Scene::Casebook {
                note,
                bar,
                parts,
                below,
            } => {
                // Slack says it above, Discord below.
                let above = note.filter(|_| self.platform == Platform::Slack);
                if let Some(note) = above {
                    let runs = [Run::new(note, Look::Plain)];
                    self.text(&runs, INDENT, WIDTH - MARGIN, SMALL, self.colours.quiet);
                    self.y += 2.0;
                }
                self.face("C", "#1f4e5f");
                self.speaker("Casebook", true);
                match bar {
                    Some(colour) => self.embed(*colour, parts),
                    None => self.parts(parts, INDENT, WIDTH - MARGIN),
                }
                self.parts(below, INDENT, WIDTH - MARGIN);
                if let Some(note) = note.filter(|_| self.platform == Platform::Discord) {
                    let note = format!("{note} \u{2022} ");
                    let runs = [
                        Run::new(note, Look::Plain),
                        Run::new("Dismiss message", Look::Link),
                    ];
                    self.text(&runs, INDENT, WIDTH - MARGIN, SMALL, self.colours.quiet);
                }
                self.y += 12.0;
            }
            Scene::View { title, parts, ends } => {
                self.boxed(MARGIN, WIDTH - MARGIN, self.colours.raised, |page| {
                    let (left, right) = (MARGIN + 16.0, WIDTH - MARGIN - 16.0);
                    let runs = [Run::new(title, Look::Bold)];
                    page.text(&runs, left, right, 18.0, page.colours.text);
                    page.y += 10.0;
                    page.parts(parts, left, right);
                    if !ends.is_empty() {
                        page.y += 6.0;
                        let width: f64 = ends.iter().map(|button| button_width(button) + 8.0).sum();
                        page.buttons(ends, right - width + 8.0, right + 8.0);
                    }
                });
                self.y += 12.0;
            }
        }
    }

    /// Who speaks, as a letter in a square.
    fn face(&mut self, letter: &str, colour: &str) {
        let radius = if self.platform == Platform::Slack {
            6
        } else {
            18
        };
        let (x, y) = (MARGIN, self.y);
        self.add(&format!(
            "<rect x=\"{x}\" y=\"{y:.1}\" width=\"36\" height=\"36\" rx=\"{radius}\" fill=\"{colour}\"/>\n<text x=\"{}\" \
             y=\"{:.1}\" font-size=\"18\" font-weight=\"700\" fill=\"#ffffff\" text-anchor=\"middle\">{letter}</text>\n",
            x + 18.0,
            y + 24.5,
        ));
    }

    fn speaker(&mut self, name: &str, app: bool) {
        let y = self.y + 13.0;
        let name_colour = if self.platform == Platform::Slack {
            self.colours.text
        } else {
            "#f2f3f5"
        };
        self.add(&format!(
            "<text x=\"{INDENT}\" y=\"{y:.1}\" font-size=\"15\" font-weight=\"700\" fill=\"{name_colour}\">{name}</text>\n"
        ));
        if app {
            let x = INDENT + measured(name, Look::Bold, 15.0) + 8.0;
            let (ground, text) = match self.platform {
                Platform::Slack => ("#e8e8e8", "#616061"),
                Platform::Discord => ("#5865f2", "#ffffff"),
            };
            self.add(&format!(
                "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"30\" height=\"14\" rx=\"3\" fill=\"{ground}\"/>\n<text x=\"{:.1}\" \
                 y=\"{:.1}\" font-size=\"10\" font-weight=\"700\" fill=\"{text}\" text-anchor=\"middle\">APP</text>\n",
                y - 11.5,
                x + 15.0,
                y - 1.0,
            ));
        }
        self.y += LEADING;
    }

    fn embed(&mut self, colour: u32, parts: &[Part]) {
        let (top, at) = (self.y + 2.0, self.body.len());
        self.y = top + 10.0;
        self.parts(parts, INDENT + 16.0, WIDTH - MARGIN - 16.0);
        self.y += 4.0;
        let (height, width) = (self.y - top, WIDTH - MARGIN - INDENT);
        let ground = format!(
            "<rect x=\"{INDENT}\" y=\"{top:.1}\" width=\"{width}\" height=\"{height:.1}\" rx=\"4\" fill=\"{}\"/>\n<rect \
             x=\"{INDENT}\" y=\"{top:.1}\" width=\"4\" height=\"{height:.1}\" rx=\"2\" fill=\"#{colour:06x}\"/>\n",
            self.colours.raised
        );
        self.body.insert_str(at, &ground);
        self.y += 6.0;
    }

    /// A frame around what `inside` draws.
    fn boxed(&mut self, left: f64, right: f64, ground: &str, inside: impl FnOnce(&mut Self)) {
        let (top, at) = (self.y, self.body.len());
        self.y += 10.0;
        inside(self);
        self.y += 8.0;
        let frame = format!(
            "<rect x=\"{left}\" y=\"{top:.1}\" width=\"{}\" height=\"{:.1}\" rx=\"8\" fill=\"{ground}\" stroke=\"{}\"/>\n",
            right - left,
            self.y - top,
            self.colours.edge
        );
        self.body.insert_str(at, &frame);
    }

    fn parts(&mut self, parts: &[Part], left: f64, right: f64) {
        let colours = self.colours;
        for part in parts {
            match part {
                Part::Text(runs) => {
                    self.text(runs, left, right, SIZE, colours.text);
                    self.y += 4.0;
                }
                Part::Item(runs) => {
                    let y = self.y + 9.5;
                    self.add(&format!(
                        "<circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"2.5\" fill=\"{}\"/>\n",
                        left + 8.0,
                        colours.text
                    ));
                    self.text(runs, left + 20.0, right, SIZE, colours.text);
                    self.y += 2.0;
                }
                Part::Quote(runs) => {
                    let top = self.y;
                    self.text(runs, left + 14.0, right, SIZE, colours.text);
                    let height = self.y - top - 2.0;
                    self.add(&format!(
                        "<rect x=\"{left}\" y=\"{top:.1}\" width=\"4\" height=\"{height:.1}\" rx=\"2\" fill=\"{}\"/>\n",
                        colours.quiet
                    ));
                    self.y += 2.0;
                }
                Part::Small(runs) => {
                    self.y += 2.0;
                    self.text(runs, left, right, SMALL, colours.quiet);
                    self.y += 4.0;
                }
                Part::Heading(heading) => {
                    self.y += 2.0;
                    self.text(
                        &[Run::new(heading, Look::Bold)],
                        left,
                        right,
                        16.0,
                        colours.text,
                    );
                    self.y += 4.0;
                }
                Part::Buttons(row) => {
                    self.y += 2.0;
                    self.buttons(row, left, right);
                }
                Part::Beside(runs, button) => {
                    let width = button_width(button);
                    let top = self.y;
                    self.buttons(std::slice::from_ref(button), right - width, right);
                    let after = self.y;
                    self.y = top + 5.0;
                    self.text(runs, left, right - width - 16.0, SIZE, colours.text);
                    self.y = after.max(self.y + 6.0);
                }
                Part::Field(field) => self.field(field, left, right),
                Part::Torn(n) => {
                    let y = self.y + 10.0;
                    self.add(&format!(
                        "<line x1=\"{left}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" stroke=\"{}\" stroke-dasharray=\"4 \
                         4\"/>\n",
                        colours.quiet
                    ));
                    self.y += 18.0;
                    let runs = [Run::new(
                        format!("({n} more here, not pictured)"),
                        Look::Plain,
                    )];
                    self.text(&runs, left, right, SMALL, colours.quiet);
                    self.y += 6.0;
                }
            }
        }
    }

    fn buttons(&mut self, row: &[Button], left: f64, right: f64) {
        const HEIGHT: f64 = 28.0;
        let colours = self.colours;
        let mut x = left;
        for button in row {
            let width = button_width(button).min(right - left);
            if x > left && x + width > right + 0.5 {
                x = left;
                self.y += HEIGHT + 6.0;
            }
            let [ground, edge, text] = match button.tone {
                Tone::Plain => colours.button,
                Tone::Primary => [colours.primary, colours.primary, "#ffffff"],
                Tone::Danger => [colours.danger, colours.danger, "#ffffff"],
            };
            let label = shortened(&button.label, Look::Bold, 13.0, width - 20.0);
            self.add(&format!(
                "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{HEIGHT}\" rx=\"4\" fill=\"{ground}\" \
                 stroke=\"{edge}\"/>\n<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"13\" font-weight=\"700\" fill=\"{text}\" \
                 text-anchor=\"middle\">{}</text>\n",
                self.y,
                x + width / 2.0,
                self.y + 18.5,
                escaped(&label)
            ));
            x += width + 8.0;
        }
        self.y += HEIGHT + 8.0;
    }

    fn field(&mut self, field: &Field, left: f64, right: f64) {
        let colours = self.colours;
        let mut label = vec![Run::new(&field.label, Look::Bold)];
        if field.optional {
            label.push(Run::new(" (optional)", Look::Plain));
        }
        if !field.label.is_empty() {
            self.text(&label, left, right, SIZE, colours.text);
            self.y += 2.0;
        }
        let (said, colour) = match &field.text {
            Some(text) => (text.as_str(), colours.text),
            None => (field.hint.as_str(), colours.quiet),
        };
        let top = self.y;
        self.boxed(left, right, colours.field, |page| {
            page.text(
                &[Run::new(said, Look::Plain)],
                left + 12.0,
                right - 32.0,
                SIZE,
                colour,
            );
            let least = top + if field.lines { 70.0 } else { 26.0 };
            page.y = page.y.max(least);
        });
        if field.menu {
            let (x, y) = (right - 20.0, top + 16.0);
            self.add(&format!(
                "<path d=\"M{:.1} {y:.1} l5 6 l5 -6\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\"/>\n",
                x - 5.0,
                colours.quiet
            ));
        }
        self.y += 12.0;
    }

    /// Text in lines between two edges.
    fn text(&mut self, runs: &[Run], left: f64, right: f64, size: f64, colour: &str) {
        let leading = if size < SIZE {
            16.0
        } else {
            LEADING.max(size * 1.35)
        };
        for line in broken(runs, right - left, size) {
            let mut spans = String::new();
            for run in &line {
                let style = match run.look {
                    Look::Plain => String::new(),
                    Look::Bold => " font-weight=\"700\"".to_owned(),
                    Look::Link => format!(" fill=\"{}\"", self.colours.link),
                    Look::Code => format!(" font-family=\"{MONO}\""),
                };
                write!(spans, "<tspan{style}>{}</tspan>", escaped(&run.text)).expect("a string");
            }
            let y = self.y + leading * 0.7;
            if !spans.is_empty() {
                self.add(&format!(
                    "<text x=\"{left:.1}\" y=\"{y:.1}\" font-size=\"{size}\" fill=\"{colour}\" \
                     xml:space=\"preserve\">{spans}</text>\n"
                ));
            }
            self.y += leading;
        }
    }

    fn add(&mut self, svg: &str) {
        self.body.push_str(svg);
    }
}

fn button_width(button: &Button) -> f64 {
    measured(&button.label, Look::Bold, 13.0) + 26.0
}

/// As much of a text as is so wide, with an ellipsis where something is missing.
fn shortened(text: &str, look: Look, size: f64, width: f64) -> String {
    if measured(text, look, size) <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        if measured(&kept, look, size) + size > width {
            break;
        }
        kept.push(c);
    }
    kept.push('\u{2026}');
    kept
}

/// Pieces of text in lines of a width, broken between words; a word that is wider has a line of its own.
fn broken(runs: &[Run], width: f64, size: f64) -> Vec<Vec<Run>> {
    let mut lines: Vec<Vec<Run>> = vec![Vec::new()];
    let mut used = 0.0;
    for run in runs {
        for (i, line) in run.text.trim_end_matches('\n').split('\n').enumerate() {
            if i > 0 {
                lines.push(Vec::new());
                used = 0.0;
            }
            for word in line.split_inclusive(' ') {
                let takes = measured(word.trim_end(), run.look, size);
                if used > 0.0 && used + takes > width {
                    lines.push(Vec::new());
                    used = 0.0;
                }
                used += measured(word, run.look, size);
                let last = lines.last_mut().expect("one line at least");
                match last.last_mut() {
                    Some(before) if before.look == run.look => before.text.push_str(word),
                    _ => last.push(Run::new(word, run.look)),
                }
            }
        }
        // A break at the end of a piece counts where another follows.
        if run.text.ends_with('\n') && !std::ptr::eq(run, &runs[runs.len() - 1]) {
            lines.push(Vec::new());
            used = 0.0;
        }
    }
    lines
}

/// How wide a text is, at most, in a common sans-serif font.
fn measured(text: &str, look: Look, size: f64) -> f64 {
    let of = |c: char| match look {
        Look::Code => 602,
        _ => width_of(c),
    };
    let thousandths: u32 = text.chars().map(of).sum();
    let generous = if look == Look::Bold { 1.13 } else { 1.06 };
    f64::from(thousandths) / 1000.0 * size * generous
}

/// In thousandths of the font's size.
fn width_of(c: char) -> u32 {
    match c {
        'i' | 'j' | 'l' | '\'' | '|' => 230,
        ' ' | '!' | ',' | '.' | '/' | ':' | ';' | 'I' | '[' | ']' | '\\' | 'f' | 't' => 280,
        '(' | ')' | '-' | 'r' | '`' | '{' | '}' | '"' | '*' | '\u{00B7}' | '\u{2022}' => 350,
        'c' | 'k' | 's' | 'v' | 'x' | 'y' | 'z' | 'J' => 500,
        'm' | 'M' => 840,
        'w' | 'C' | 'D' | 'H' | 'N' | 'R' | 'U' => 725,
        'G' | 'O' | 'Q' => 780,
        'W' | '%' => 945,
        '@' | '\u{2026}' => 1015,
        'A' | 'B' | 'E' | 'K' | 'P' | 'S' | 'V' | 'X' | 'Y' | '&' => 670,
        'F' | 'L' | 'T' | 'Z' => 610,
        '+' | '<' | '=' | '>' | '~' => 590,
        c if c.is_ascii() => 560,
        _ => 700,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
