//! The bar that long commands show on standard error; nothing where that is not a terminal.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use risk::table::Progress;

const STYLE: &str = "{msg:>10} {wide_bar} {percent:>3} % {eta}";
const STYLE_UNBOUNDED: &str = "{msg:>10} {spinner} {human_pos}";

/// A bar that follows one phase after the other.
pub(super) struct Bar {
    bar: ProgressBar,
    phase: &'static str,
}

impl Bar {
    /// A bar; a hidden one where a script reads along.
    pub(super) fn new(quiet: bool) -> Bar {
        let shown = !quiet && std::io::stderr().is_terminal();
        let target =
            if shown { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        Bar { bar: ProgressBar::with_draw_target(None, target), phase: "" }
    }

    /// Shows how far the job is.
    pub(super) fn show(&mut self, progress: Progress) {
        if self.phase != progress.phase {
            self.phase = progress.phase;
            self.bar.reset();
            self.bar.set_message(progress.phase);
            let style = if progress.total.is_some() { STYLE } else { STYLE_UNBOUNDED };
            self.bar.set_style(ProgressStyle::with_template(style).unwrap_or(ProgressStyle::default_bar()));
        }
        if let Some(total) = progress.total {
            self.bar.set_length(total);
        }
        self.bar.set_position(progress.done);
    }

    /// Takes the bar away.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
