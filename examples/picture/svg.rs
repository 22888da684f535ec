//! A recording as an animated SVG; where nothing moves, its last moment.

use std::fmt::Write;
use std::time::Duration;

use super::stage::{COLUMNS, Line, Recording};

const CHARACTER: f32 = 8.0;
const ROW: f32 = 18.0;
const MARGIN: f32 = 12.0;
const TITLE: f32 = 24.0;
const INK: &str = "#d8dee9";

/// The picture.
pub fn draw(recording: &Recording) -> String {
    let width = f32::from(COLUMNS) * CHARACTER + 2.0 * MARGIN;
    let mut tops = Vec::new();
    let mut height = 0.0;
    for (_, rows) in &recording.shells {
        tops.push(height);
        height += TITLE + px(*rows) * ROW + MARGIN;
    }
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"13\">\n\
         <title>One shell holds a lease for a deployment; another waits for it and has it as soon as it is released</title>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#1b1f27\">\n\
         <animate id=\"loop\" attributeName=\"rx\" from=\"8\" to=\"8\" begin=\"0s;loop.end\" dur=\"{}s\"/></rect>\n",
        seconds(recording.length)
    );
    for ((name, _), top) in recording.shells.iter().zip(&tops) {
        line(
            &mut svg,
            &format!("<rect y=\"{top}\" width=\"{width}\" height=\"{TITLE}\" fill=\"#2b313c\"/>"),
        );
        line(
            &mut svg,
            &format!(
                "<text x=\"{MARGIN}\" y=\"{}\" fill=\"#8f9bb3\">{name}</text>",
                top + 16.0
            ),
        );
    }
    for seen in &recording.lines {
        let y = tops[seen.shell] + TITLE + (px(seen.row) + 1.0) * ROW;
        draw_line(&mut svg, seen, y);
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw_line(svg: &mut String, seen: &Line, y: f32) {
    let shown = seen.to.is_none();
    let hidden = if shown { "" } else { " visibility=\"hidden\"" };
    let mut text = format!("<g{hidden}>");
    match seen.to {
        // What stays is there where nothing moves, and hidden until its time comes.
        None if seen.from.is_zero() => {}
        None => text.push_str(&set("hidden", Duration::ZERO, seen.from)),
        Some(to) => text.push_str(&set("visible", seen.from, to.saturating_sub(seen.from))),
    }
    for span in &seen.spans {
        let x = MARGIN + px(span.column) * CHARACTER;
        let length = px(span.text.chars().count()) * CHARACTER;
        let bold = if span.bold {
            " font-weight=\"bold\""
        } else {
            ""
        };
        // The length keeps the columns where another font is used.
        let _ = write!(
            text,
            "<text x=\"{x}\" y=\"{y}\" fill=\"{}\"{bold} textLength=\"{length}\" xml:space=\"preserve\">{}</text>",
            colour(span.colour),
            escape(&span.text)
        );
    }
    text.push_str("</g>");
    line(svg, &text);
}

fn set(to: &str, after: Duration, span: Duration) -> String {
    format!(
        "<set attributeName=\"visibility\" to=\"{to}\" begin=\"loop.begin+{}s\" dur=\"{}s\"/>",
        seconds(after),
        seconds(span.max(Duration::from_millis(1)))
    )
}

fn line(svg: &mut String, text: &str) {
    svg.push_str(text);
    svg.push('\n');
}

fn px(number: usize) -> f32 {
    // A screen has a few hundred rows and columns at most.
    f32::from(u16::try_from(number).unwrap_or(u16::MAX))
}

fn seconds(span: Duration) -> String {
    format!("{:.2}", span.as_secs_f32().max(0.01))
}

fn colour(index: Option<u8>) -> &'static str {
    match index {
        Some(1 | 9) => "#ef6b73",
        Some(2 | 10) => "#8fce7a",
        Some(3 | 11) => "#e8c46b",
        Some(4 | 12) => "#7aa7ee",
        Some(5 | 13) => "#c792d9",
        Some(6 | 14) => "#77c5cf",
        Some(8) => "#8f9bb3",
        _ => INK,
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
