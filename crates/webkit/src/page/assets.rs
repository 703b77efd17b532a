//! The few static files, served under a name that holds the hash of their content, so that browsers keep them for a year.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

const KEEP_FOREVER: &str = "public, max-age=31536000, immutable";
const HASH_CHARS: usize = 12;

/// Where [`find_asset`] has to be mounted: `Router::new().route(ROUTE, get(find_asset))`.
pub const ROUTE: &str = "/assets/{name}";

/// One static file.
pub struct Asset {
    /// Its address, `/assets/tillward-3f9c….css`.
    pub href: String,
    /// Its media type.
    pub media_type: &'static str,
    /// Its content.
    pub body: &'static str,
    /// Its content as subresource integrity names it: `sha256-` and 44 characters of base64. A browser runs no script
    /// and uses no style sheet whose bytes are others.
    pub integrity: String,
}

impl Asset {
    fn new(stem: &str, extension: &str, media_type: &'static str, body: &'static str) -> Asset {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body.as_bytes());
        let hash: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let short = hash.get(..HASH_CHARS).unwrap_or(&hash);
        let href = format!("/assets/{stem}-{short}.{extension}");
        Asset { href, media_type, body, integrity: integrity_of(body.as_bytes()) }
    }
}

/// What subresource integrity calls these bytes: `sha256-…`.
pub fn integrity_of(bytes: &[u8]) -> String {
    use base64::Engine;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    format!("sha256-{}", base64::engine::general_purpose::STANDARD.encode(digest.as_ref()))
}

static CSS: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("tillward", "css", "text/css; charset=utf-8", include_str!("../../assets/tillward.css"))
});
static DESK_CSS: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("desk", "css", "text/css; charset=utf-8", include_str!("../../assets/desk.css"))
});
static PERSON_JS: LazyLock<Asset> =
    LazyLock::new(|| script("person", include_str!("../../assets/person.js")));
static BUYER_JS: LazyLock<Asset> = LazyLock::new(|| script("buyer", include_str!("../../assets/buyer.js")));
static DESK_JS: LazyLock<Asset> = LazyLock::new(|| script("desk", include_str!("../../assets/desk.js")));
static PASSKEY_JS: LazyLock<Asset> =
    LazyLock::new(|| script("passkey", include_str!("../../assets/passkey.js")));
static PLACE_JS: LazyLock<Asset> = LazyLock::new(|| script("place", include_str!("../../assets/place.js")));
static MARK: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("mark", "svg", "image/svg+xml", include_str!("../../assets/mark.svg")));

fn script(stem: &str, body: &'static str) -> Asset {
    Asset::new(stem, "js", "text/javascript; charset=utf-8", body)
}

/// The style sheet.
pub fn css() -> &'static Asset {
    &CSS
}

/// What the desk needs beside [`css`].
pub fn desk_css() -> &'static Asset {
    &DESK_CSS
}

/// The script of pages about one's own account: how good a new password is, printing and copying of codes.
pub fn person_js() -> &'static Asset {
    &PERSON_JS
}

/// The script of buyer pages: PIN keypad, second-click guard, reload of a waiting page.
pub fn buyer_js() -> &'static Asset {
    &BUYER_JS
}

/// The script of desk pages: live rows, copying, keys.
pub fn desk_js() -> &'static Asset {
    &DESK_JS
}

/// The script of forms that ask for a passkey.
pub fn passkey_js() -> &'static Asset {
    &PASSKEY_JS
}

/// The script that asks a payer for their place.
pub fn place_js() -> &'static Asset {
    &PLACE_JS
}

/// The mark shown in the browser's tab.
pub fn mark() -> &'static Asset {
    &MARK
}

/// Every static file.
pub fn list_assets() -> [&'static Asset; 8] {
    [css(), desk_css(), buyer_js(), desk_js(), person_js(), passkey_js(), place_js(), mark()]
}

/// Answers one static file; an unknown or outdated name is 404. `If-None-Match` with the same name is 304.
pub async fn find_asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let href = format!("/assets/{name}");
    let Some(asset) = list_assets().into_iter().find(|asset| asset.href == href) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tag = format!("\"{name}\"");
    let unchanged =
        headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let tag = HeaderValue::from_str(&tag).unwrap_or_else(|_| HeaderValue::from_static("\"\""));
    let caching = [(header::CACHE_CONTROL, HeaderValue::from_static(KEEP_FOREVER)), (header::ETAG, tag)];
    if unchanged {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    let kind = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (StatusCode::OK, caching, kind, asset.body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a buyer's phone loads besides the page itself, in bytes.
    const BUYER_FILES_MAX_BYTES: usize = 24 * 1024;

    #[test]
    fn the_sheet_and_the_buyers_script_leave_room_for_the_page() {
        assert!(css().body.len() < 20_000, "the sheet is {} bytes", css().body.len());
        assert!(
            css().body.len() + buyer_js().body.len() + passkey_js().body.len() + mark().body.len()
                < BUYER_FILES_MAX_BYTES
        );
    }

    #[tokio::test]
    async fn files_are_kept_for_a_year_and_old_names_are_gone() {
        let name = css().href.trim_start_matches("/assets/").to_owned();
        let found = find_asset(Path(name.clone()), HeaderMap::new()).await;
        assert_eq!(found.status(), StatusCode::OK);
        assert_eq!(found.headers()[header::CACHE_CONTROL], KEEP_FOREVER);
        let mut known = HeaderMap::new();
        known.insert(header::IF_NONE_MATCH, found.headers()[header::ETAG].clone());
        assert_eq!(find_asset(Path(name), known).await.status(), StatusCode::NOT_MODIFIED);
        let gone = find_asset(Path("tillward-000000000000.css".to_owned()), HeaderMap::new()).await;
        assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    }
}
