//! QR images. That other decoders read them (QR-14) is proven by `oracles/qr.py`; here: geometry and limits.

use proptest::prelude::*;
use webkit::qr::{Level, MODULE_PIXELS_MAX, QrError, Symbol, TEXT_BYTES_MAX};

const URL: &str = "https://pay.example.com/p/IAAAAAAABBBBBBBBBBCCCCCCCCCCCDDDDDDDDDDDDEEEEEEEEEEE";

/// Decodes our PNG to rows of dark pixels.
fn dark_pixels(png: &[u8]) -> Vec<Vec<bool>> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    bytes[..info.buffer_size()]
        .chunks(info.line_size)
        .map(|row| row.iter().map(|p| *p < 128).collect())
        .collect()
}

/// Draws our SVG's path (`M{x} {y}h{width}v1h-{width}z`) to rows of dark modules.
fn dark_modules(svg: &str, side: usize) -> Vec<Vec<bool>> {
    let mut rows = vec![vec![false; side]; side];
    let path = svg.rsplit_once("d=\"").unwrap().1.split_once('"').unwrap().0;
    for run in path.split('M').skip(1) {
        let (start, rest) = run.split_once('h').unwrap();
        let (x, y) = start.split_once(' ').unwrap();
        let width: usize = rest.split_once('v').unwrap().0.parse().unwrap();
        let (x, y): (usize, usize) = (x.parse().unwrap(), y.parse().unwrap());
        rows[y][x..x + width].fill(true);
    }
    rows
}

#[test]
fn qr_14_png_and_svg_show_the_same_modules() {
    for (level, quiet) in [(Level::M, 4), (Level::H, 7)] {
        let symbol = Symbol::encode(URL, level).unwrap();
        let side = (symbol.modules() + 2 * quiet) as usize;
        let png = dark_pixels(&symbol.to_png(quiet, 1).unwrap());
        assert_eq!((png.len(), png[0].len()), (side, side));
        assert_eq!(png, dark_modules(&symbol.to_svg(quiet, "code").unwrap(), side));
    }
}

#[test]
fn qr_14_quiet_zone_is_light_and_finders_stand_in_three_corners() {
    let symbol = Symbol::encode(URL, Level::M).unwrap();
    let (quiet, scale, modules) = (4usize, 3usize, symbol.modules() as usize);
    let pixels = dark_pixels(&symbol.to_png(4, 3).unwrap());
    let side = pixels.len();
    assert_eq!(side, (modules + 8) * scale);
    let edge = quiet * scale;
    for (y, row) in pixels.iter().enumerate() {
        for (x, dark) in row.iter().enumerate() {
            let inside = (edge..side - edge).contains(&x) && (edge..side - edge).contains(&y);
            assert!(inside || !dark, "dark pixel at {x},{y} in the quiet zone");
        }
    }
    let at = |x: usize, y: usize| pixels[(quiet + y) * scale + 1][(quiet + x) * scale + 1];
    let finder =
        |x0: usize, y0: usize| (0..7).all(|i| at(x0 + i, y0) && at(x0, y0 + i)) && !at(x0 + 1, y0 + 1);
    assert!(finder(0, 0) && finder(modules - 7, 0) && finder(0, modules - 7));
    assert!(!finder(modules - 7, modules - 7));
}

#[test]
fn our_addresses_fit_small_symbols() {
    assert_eq!(Symbol::encode(URL, Level::M).unwrap().version(), 5);
    let longest = format!("{}/p/{}", "https://".to_owned() + &"a".repeat(43), &URL[26..]);
    assert_eq!((longest.len(), Symbol::encode(&longest, Level::M).unwrap().version()), (106, 6));
    assert_eq!(Symbol::encode(&format!("{longest}a"), Level::M).unwrap().version(), 7);
    let h = Symbol::encode(URL, Level::H).unwrap();
    assert_eq!((h.version(), h.modules()), (8, 49));
}

#[test]
fn limits_hold_on_both_sides() {
    assert_eq!(Symbol::encode("", Level::M), Err(QrError::Empty));
    for level in [Level::M, Level::H] {
        assert!(Symbol::encode(&"界".repeat(TEXT_BYTES_MAX / 3), level).is_ok());
        assert!(Symbol::encode(&"a".repeat(TEXT_BYTES_MAX), level).is_ok());
        let over = Symbol::encode(&"a".repeat(TEXT_BYTES_MAX + 1), level);
        assert_eq!(over, Err(QrError::TextTooLong { size: TEXT_BYTES_MAX + 1 }));
    }
    let symbol = Symbol::encode("A", Level::M).unwrap();
    assert_eq!(symbol.version(), 1);
    for (quiet, good) in [(3, false), (4, true), (16, true), (17, false)] {
        assert_eq!(symbol.to_svg(quiet, "").is_ok(), good, "quiet zone {quiet}");
        assert_eq!(symbol.to_png(quiet, 1).is_ok(), good, "quiet zone {quiet}");
    }
    for (pixels, good) in [(0, false), (1, true), (MODULE_PIXELS_MAX, true), (MODULE_PIXELS_MAX + 1, false)] {
        assert_eq!(symbol.to_png(4, pixels).is_ok(), good, "module of {pixels} pixels");
    }
}

#[test]
fn a_title_cannot_break_out_of_the_svg() {
    let svg = Symbol::encode("A", Level::M).unwrap().to_svg(4, "a<script>&\"\u{0}").unwrap();
    assert!(svg.contains("<title>a&lt;script&gt;&amp;&quot;</title>"), "{svg}");
}

proptest! {
    #[test]
    fn any_text_gives_an_image(text in "\\PC{1,200}", high in any::<bool>()) {
        let level = if high { Level::H } else { Level::M };
        let symbol = Symbol::encode(&text, level).unwrap();
        let side = (symbol.modules() + 8) as usize;
        prop_assert_eq!(dark_pixels(&symbol.to_png(4, 2).unwrap()).len(), 2 * side);
    }
}
