//! Writes QR images, the texts they hold, and EMVCo payloads with our verdict into a folder, for `oracles/qr.py`:
//! `cargo run -p payments --example qr_samples -- FOLDER`.

use std::error::Error;
use std::path::Path;

use base::{CodeId, Currency, Dice, Money, ShopId, Timestamp};
use payments::code_token::{CodeClaims, CodeKey, CodeToken};
use payments::emv::{EmvCode, EmvDraft, Initiation, LocalName, crc16};
use serde_json::{Value, json};
use webkit::qr::{Level, Symbol};

const NOW: Timestamp = Timestamp(1_772_357_400_000);
const MODULE_PIXELS: u32 = 6;
const QUIET_MODULES: u32 = 4;
const URLS: [&str; 3] =
    ["https://pay.example.com", "http://localhost:8080", "https://a-rather-long-name.shops.example.com"];
/// What is appended to (or, with `from>to`, replaced in) a good payload for the second opinion on our verdict.
const CHANGES: [&str; 34] = [
    "",
    "010211",
    "010212",
    "54041.50",
    "540512.34",
    "54041,50",
    "54030.0",
    "541412345678901234",
    "550201",
    "550202",
    "55020256031.5",
    "550203570501.50",
    "550203570500.00",
    "56031.5",
    "6109310000001",
    "61111234567890A",
    "62070903AME",
    "62070903AAE",
    "62300526rrrrrrrrrrrrrrrrrrrrrrrrrr",
    "62290525rrrrrrrrrrrrrrrrrrrrrrrrr",
    "6206110212",
    "64110002ZH0101店",
    "64060002ZH",
    "5909TWICE NOW",
    "80080004abcd",
    "6299short",
    "000201>000202",
    "52045411>",
    "52045411>5204541A",
    "5303156>5303CNY",
    "5802CN>5803CHN",
    "5909TEST SHOP>",
    "6007BEIJING>6016BEIJINGBEIJINGBE",
    "02034TT>",
];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("give a folder to write to")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let mut images = Vec::new();
    let mut payloads = vec![json!({ "text": resealed("")?, "ours": true })];
    for (index, url) in URLS.iter().enumerate() {
        let token = token(index as u64)?;
        images.push(image(folder, &format!("url-{index}-m"), &token.url(url), Level::M)?);
        images.push(image(folder, &format!("url-{index}-h"), &token.url(url), Level::H)?);
        let emv = draft(url, &token).build()?.to_string();
        images.push(image(folder, &format!("emv-{index}-m"), &emv, Level::M)?);
        payloads.push(json!({ "text": emv, "ours": true }));
    }
    images.push(image(folder, "chinese-m", "灯笼面馆 · 杭州 ¥1,280.00", Level::M)?);
    for change in CHANGES {
        let text = resealed(change)?;
        payloads
            .push(json!({ "text": text, "ours": EmvCode::parse(text.as_bytes()).is_ok(), "change": change }));
    }
    let list = json!({ "images": images, "payloads": payloads, "module_pixels": MODULE_PIXELS });
    std::fs::write(folder.join("samples.json"), serde_json::to_vec_pretty(&list)?)?;
    Ok(())
}

fn image(folder: &Path, name: &str, text: &str, level: Level) -> Result<Value, Box<dyn Error>> {
    let symbol = Symbol::encode(text, level)?;
    std::fs::write(folder.join(format!("{name}.png")), symbol.to_png(QUIET_MODULES, MODULE_PIXELS)?)?;
    std::fs::write(folder.join(format!("{name}.svg")), symbol.to_svg(QUIET_MODULES, name)?)?;
    Ok(json!({ "name": name, "text": text, "version": symbol.version(), "level": format!("{level:?}") }))
}

fn token(seed: u64) -> Result<CodeToken, Box<dyn Error>> {
    let dice = Dice::predictable_for_tests(seed);
    let shop = ShopId::random(&dice);
    let code = CodeId::new(shop, NOW, &dice);
    let claims = CodeClaims::dynamic(code, shop, Money::new(128_000, Currency::CNY), NOW.plus_seconds(300));
    Ok(CodeToken::issue(&CodeKey::new(&dice.bytes()), &claims)?)
}

fn draft(url: &str, token: &CodeToken) -> EmvDraft {
    EmvDraft {
        initiation: Initiation::Dynamic,
        public_url: url.to_owned(),
        token: token.to_string(),
        category: "5812".to_owned(),
        currency: Currency::CNY,
        amount: Some(Money::new(128_000, Currency::CNY)),
        country: "CN".to_owned(),
        name: "Lantern Noodles".to_owned(),
        city: "Hangzhou".to_owned(),
        local: Some(LocalName {
            language: "ZH".to_owned(),
            name: "灯笼面馆".to_owned(),
            city: Some("杭州".to_owned()),
        }),
        reference: Some("A-1042".to_owned()),
        terminal: None,
    }
}

/// A good payload with a change, and the CRC of the result.
fn resealed(change: &str) -> Result<String, Box<dyn Error>> {
    let good = "00020102034TT5204541153031565802CN5909TEST SHOP6007BEIJING";
    let body = match change.split_once('>') {
        Some((from, to)) if good.contains(from) => good.replace(from, to),
        Some((from, _)) => return Err(format!("`{from}` is not in the payload").into()),
        None => format!("{good}{change}"),
    };
    let text = format!("{body}6304");
    Ok(format!("{text}{:04X}", crc16(text.as_bytes())))
}
