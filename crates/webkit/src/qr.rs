//! QR symbols (ISO/IEC 18004) as SVG and PNG: a text in, an image out that any reader gives back unchanged.
//!
//! The quiet zone is never under four modules and the level never under M (QR-14). Dark is always dark on light, since
//! many readers fail on inverted symbols; pages in dark mode keep the light plate.

use fast_qr::{ECL, QRBuilder};

/// Longest text, in bytes. A larger symbol cannot be read by a phone from a counter display.
pub const TEXT_BYTES_MAX: usize = 1_024;
/// Smallest quiet zone, in modules.
pub const QUIET_MODULES_MIN: u32 = 4;
/// Largest quiet zone, in modules.
pub const QUIET_MODULES_MAX: u32 = 16;
/// Largest size of one module in a PNG, in pixels.
pub const MODULE_PIXELS_MAX: u32 = 40;

/// How much damage a symbol survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// About 15 %: for screens.
    M,
    /// About 30 %: for print that gets dirty.
    H,
}

/// Why there is no image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QrError {
    /// No text.
    #[error("text of a code is empty")]
    Empty,
    /// A text past [`TEXT_BYTES_MAX`].
    #[error("text of a code is {size} bytes, the limit is {TEXT_BYTES_MAX}")]
    TextTooLong {
        /// Bytes given.
        size: usize,
    },
    /// A quiet zone outside [`QUIET_MODULES_MIN`] to [`QUIET_MODULES_MAX`].
    #[error("quiet zone is {modules} modules; it must be {QUIET_MODULES_MIN} to {QUIET_MODULES_MAX}")]
    QuietZone {
        /// Modules asked for.
        modules: u32,
    },
    /// A module size outside 1 to [`MODULE_PIXELS_MAX`].
    #[error("module size is {pixels} pixels; it must be 1 to {MODULE_PIXELS_MAX}")]
    ModulePixels {
        /// Pixels asked for.
        pixels: u32,
    },
    /// The image could not be written.
    #[error("image could not be written")]
    Image,
}

/// A symbol: a square of dark and light modules, without its quiet zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    rows: Vec<Vec<bool>>,
}

impl Symbol {
    /// The smallest symbol that holds `text` (UTF-8) at `level`.
    ///
    /// # Errors
    /// [`QrError::Empty`], [`QrError::TextTooLong`].
    pub fn encode(text: &str, level: Level) -> Result<Symbol, QrError> {
        let size = text.len();
        if text.is_empty() {
            return Err(QrError::Empty);
        }
        if size > TEXT_BYTES_MAX {
            return Err(QrError::TextTooLong { size });
        }
        let ecl = match level {
            Level::M => ECL::M,
            Level::H => ECL::H,
        };
        let code = QRBuilder::new(text).ecl(ecl).build().map_err(|_| QrError::TextTooLong { size })?;
        let modules = code.data.get(..code.size * code.size).unwrap_or_default();
        let row = |row: &[fast_qr::Module]| row.iter().map(|module| module.value()).collect();
        Ok(Symbol { rows: modules.chunks(code.size).map(row).collect() })
    }

    /// Modules on a side, without quiet zone: 21 for version 1, 41 for version 6.
    pub fn modules(&self) -> u32 {
        u32::try_from(self.rows.len()).unwrap_or(u32::MAX)
    }

    /// Version, 1 to 40.
    pub fn version(&self) -> u32 {
        self.modules().saturating_sub(17) / 4
    }

    /// An SVG without fixed size (one unit a module), named `title` for screen readers.
    ///
    /// # Errors
    /// [`QrError::QuietZone`].
    pub fn to_svg(&self, quiet_modules: u32, title: &str) -> Result<String, QrError> {
        check_quiet(quiet_modules)?;
        let side = self.modules() + 2 * quiet_modules;
        let path = self.path(quiet_modules);
        let title = escape(title);
        Ok(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" role=\"img\" \
             shape-rendering=\"crispEdges\"><title>{title}</title>\
             <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path fill=\"#000\" d=\"{path}\"/></svg>"
        ))
    }

    /// A PNG of one bit a pixel.
    ///
    /// # Errors
    /// [`QrError::QuietZone`], [`QrError::ModulePixels`]; [`QrError::Image`] when memory cannot be had.
    pub fn to_png(&self, quiet_modules: u32, module_pixels: u32) -> Result<Vec<u8>, QrError> {
        check_quiet(quiet_modules)?;
        if !(1..=MODULE_PIXELS_MAX).contains(&module_pixels) {
            return Err(QrError::ModulePixels { pixels: module_pixels });
        }
        let side = (self.modules() + 2 * quiet_modules) * module_pixels;
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, side, side);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        let mut writer = encoder.write_header().map_err(|_| QrError::Image)?;
        writer.write_image_data(&self.pixels(quiet_modules, module_pixels)).map_err(|_| QrError::Image)?;
        writer.finish().map_err(|_| QrError::Image)?;
        Ok(out)
    }

    /// One sub-path for each run of dark modules in a row.
    fn path(&self, quiet: u32) -> String {
        let mut path = String::new();
        for (y, row) in (quiet..).zip(&self.rows) {
            let mut x = quiet;
            for run in row.chunk_by(|a, b| a == b) {
                let width = u32::try_from(run.len()).unwrap_or_default();
                if run.first() == Some(&true) {
                    path.push_str(&format!("M{x} {y}h{width}v1h-{width}z"));
                }
                x += width;
            }
        }
        path
    }

    /// Packed rows, one bit a pixel, 1 is light.
    fn pixels(&self, quiet: u32, scale: u32) -> Vec<u8> {
        let (quiet, scale) = (quiet as usize, scale as usize);
        let side = (self.rows.len() + 2 * quiet) * scale;
        let light = vec![0xFF; side.div_ceil(8)];
        let margin = light.repeat(quiet * scale);
        let mut out = margin.clone();
        for row in &self.rows {
            let mut line = light.clone();
            for (x, _) in row.iter().enumerate().filter(|(_, dark)| **dark) {
                for bit in (quiet + x) * scale..(quiet + x + 1) * scale {
                    if let Some(byte) = line.get_mut(bit / 8) {
                        *byte &= !(0x80 >> (bit % 8));
                    }
                }
            }
            out.extend(line.repeat(scale));
        }
        out.extend(margin);
        out
    }
}

fn check_quiet(modules: u32) -> Result<(), QrError> {
    let fits = (QUIET_MODULES_MIN..=QUIET_MODULES_MAX).contains(&modules);
    if fits { Ok(()) } else { Err(QrError::QuietZone { modules }) }
}

fn escape(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).fold(String::new(), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
        out
    })
}
