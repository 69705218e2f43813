//! A QR code in half blocks, dark on light whatever the terminal's colours are.

use qrcode::{Color as Module, EcLevel, QrCode};
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};

/// Light modules around the code (ISO/IEC 18004 asks for four; scanners of screens do with two).
const QUIET: usize = 2;

/// The code as lines, each of two rows of modules; none if the text is too long for one.
pub(super) fn lines(text: &str) -> Option<Vec<Line<'static>>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let width = code.width();
    let modules = code.to_colors();
    let dark = |x: usize, y: usize| {
        let (Some(x), Some(y)) = (x.checked_sub(QUIET), y.checked_sub(QUIET)) else {
            return false;
        };
        x < width && y < width && modules.get(y * width + x) == Some(&Module::Dark)
    };
    let whole = width + 2 * QUIET;
    let paint = Style::new().fg(Color::Black).bg(Color::White);
    let row = |y: usize| {
        let letters: String = (0..whole)
            .map(|x| match (dark(x, y), dark(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            })
            .collect();
        Line::from(Span::styled(letters, paint))
    };
    Some((0..whole).step_by(2).map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_finder_patterns_and_a_light_border() {
        let lines = lines("sealwire://link?v=1&id=abc&k=def").unwrap();
        let text: Vec<String> = lines.iter().map(Line::to_string).collect();
        assert!(text[0].chars().all(|letter| letter == ' '));
        assert!(text[1].starts_with("  █▀▀▀▀▀█") && text[1].ends_with("█▀▀▀▀▀█  "));
    }

    #[test]
    fn a_text_too_long_for_a_code_is_shown_as_text() {
        assert!(lines(&"x".repeat(8_000)).is_none());
    }
}
