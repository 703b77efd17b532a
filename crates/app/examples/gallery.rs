//! Writes a sample of every page in both languages as HTML files, to be looked at in a browser:
//! `cargo run -p app --example gallery -- target/gallery`, then serve that folder.

use std::path::PathBuf;

use webkit::page::{Lang, assets};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "target/gallery".into()));
    std::fs::create_dir_all(folder.join("assets"))?;
    for asset in assets::list_assets() {
        std::fs::write(folder.join(asset.href.trim_start_matches('/')), asset.body)?;
    }
    for lang in Lang::ALL {
        let samples = [
            identity::pages::sample::gallery(lang)?,
            tokens::pages::sample::gallery(lang)?,
            payments::pages::sample::gallery(lang)?,
            app::cases::pages::sample::gallery(lang)?,
        ];
        for (name, html) in samples.into_iter().flatten() {
            std::fs::write(folder.join(format!("{name}-{}.html", lang.code())), html)?;
        }
    }
    eprintln!("written to {}", folder.display());
    Ok(())
}
