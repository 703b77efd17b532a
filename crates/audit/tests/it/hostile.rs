//! Any bytes: no panic, no second reading. The same entry points serve the fuzz targets.

use audit::fuzz;
use proptest::prelude::*;

/// Text built from pieces that the parsers look for.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "{\"v\":1,\"id\":\"aud_0000000000000000000000000000\"",
        ",\"at\":\"1970-01-01T00:00:00.000Z\"",
        ",\"actor\":{\"kind\":\"unknown\"}",
        ",\"action\":\"a\"",
        ",\"object\":{\"kind\":\"a\"}",
        ",\"outcome\":\"success\"",
        ",\"details\":{",
        "\"a\":-1",
        "\\u00",
        "}",
        "\n\n",
        "\n",
        "\u{2014} fuzz.example/audit AAAAAAA=\n",
        "fuzz.example/audit\n1\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n",
        "{\"tillward_audit\":1,\"origin\":\"fuzz.example/audit\",\"key\":\"\",\"first\":0,\"size\":2,\"frontier\":[]}\n",
        "{\"tillward_audit\":1,\"origin\":\"fuzz.example/audit\",\"key\":\"\",\"first\":0,\"size\":9223372036854775807,\"frontier\":[]}\n",
        "{\"tile\":\"\"}\n",
        "{\"tile\":\"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\"}\n",
        "{\"checkpoint\":\"x\"}\n",
        "{\"end\":{\"entries\":0}}\n",
        "{\"end\":{\"entries\":1}}\n",
        "twp1:aud_0000000000000000000000000000:0:",
        "c2sp.org/tlog-proof@v1\nindex 0\n",
    ]);
    prop::collection::vec(piece, 0..14).prop_map(|parts| parts.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn parsers_survive_built_text(bytes in pieces()) {
        fuzz::note(&bytes);
        fuzz::entry(&bytes);
        fuzz::promise(&bytes);
        fuzz::export(&bytes);
    }

    #[test]
    fn parsers_survive_noise(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz::note(&bytes);
        fuzz::entry(&bytes);
        fuzz::promise(&bytes);
        fuzz::export(&bytes);
    }
}
