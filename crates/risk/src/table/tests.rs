//! Files as shops export them, and files that are wrong.

use std::io::Write;

use super::*;

fn load(text: &str) -> Result<Table, TableError> {
    read(text.as_bytes(), &ReadOptions::default())
}

fn complaint(bytes: &[u8]) -> String {
    read(bytes, &ReadOptions::default()).err().map_or("accepted".to_owned(), |e| e.to_string())
}

const PLAIN: &str = "id,time,amount,customer,terminal\na,2018-04-01 00:00:31,57.16,596,3156\nb,2018-04-01 00:02:10,81.5,4961,3412\n";

fn check_plain(table: &Table) {
    assert_eq!(table.len(), 2);
    assert_eq!((table.id(0).as_ref(), table.id(1).as_ref()), ("a", "b"));
    let facts = table.facts(1);
    assert_eq!(facts.at, Timestamp(1_522_540_930_000));
    assert_eq!(facts.amount, Money::new(8150, Currency::CNY));
    assert_eq!(facts.key(Entity::Payer), Some(Key::of("4961")));
    assert_eq!(facts.key(Entity::Terminal), Some(Key::of("3412")));
    assert_eq!(facts.key(Entity::Card), None);
    assert_eq!((facts.hour, facts.weekday), (Some(0), Some(7)));
    assert_eq!((table.party(0, Entity::Payer), table.party(1, Entity::Payer)), (Some(0), Some(1)));
}

#[test]
fn plain_gzip_and_zstd_are_read_alike() {
    check_plain(&load(PLAIN).unwrap());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(PLAIN.as_bytes()).unwrap();
    check_plain(&read(&gzip.finish().unwrap(), &ReadOptions::default()).unwrap());
    check_plain(&read(&zstd::encode_all(PLAIN.as_bytes(), 3).unwrap(), &ReadOptions::default()).unwrap());
}

#[test]
fn marks_delimiters_and_line_ends_of_other_programs_are_read() {
    check_plain(&load(&format!("\u{feff}{PLAIN}")).unwrap());
    check_plain(&load(&PLAIN.replace(',', ";")).unwrap());
    check_plain(&load(&PLAIN.replace(',', "\t")).unwrap());
    check_plain(&load(&PLAIN.replace('\n', "\r\n")).unwrap());
    check_plain(&load(PLAIN.trim_end()).unwrap());
    check_plain(&load(&PLAIN.replace("a,", "\"a\",").replace("596", "\" 596\"")).unwrap());
    check_plain(&load(&PLAIN.replace('\n', "\n\n")).unwrap());
}

#[test]
fn a_quoted_line_end_stays_inside_its_cell_and_lines_are_still_counted() {
    let text = "time,amount,note\n2018-04-01,1,\"two\nlines, one cell\"\n2018-04-01,x,\n";
    assert_eq!(complaint(text.as_bytes()), "line 4, column `amount`: `x` is not an amount such as `57.16`");
}

#[test]
fn everything_a_file_can_say_reaches_the_facts() {
    let table = load(
        "time,amount,currency,card,device,ip,shop,method,code_type,country,card_country,lat,lon,accountAgeDays,failedPins\n\
         2018-04-02T08:00:31+08:00,500,JPY,c,d,1.2.3.4,s,Credit Card,static,cn,US,31.23,121.47,12.5,2\n\
         1522628431,5.00,,,,,,,,,,,,,\n",
    )
    .unwrap();
    let facts = table.facts(0);
    assert_eq!(facts.amount, Money::new(500, Currency::JPY));
    for (entity, id) in
        [(Entity::Card, "c"), (Entity::Device, "d"), (Entity::Address, "1.2.3.4"), (Entity::Shop, "s")]
    {
        assert_eq!(facts.key(entity), Some(Key::of(id)));
    }
    assert_eq!(facts.method, Word::parse("creditca"));
    assert_eq!(facts.code, Some(CodeKind::Static));
    assert_eq!((facts.payer_country, facts.card_country), (Word::parse("CN"), Word::parse("US")));
    assert_eq!(facts.payer_place, Place::new(31.23, 121.47));
    assert_eq!((facts.payer_account_days, facts.failed_pins), (Some(12.5), Some(2)));
    assert_eq!(facts.weekday, Some(1));
    let bare = table.facts(1);
    assert_eq!(bare.amount, Money::new(500, Currency::CNY));
    assert_eq!((bare.method, bare.code, bare.payer_place, bare.failed_pins), (None, None, None, None));
    assert!(bare.parties.iter().all(Option::is_none));
}

#[test]
fn top_ups_and_refunds_are_amounts_of_their_rows_currency_and_may_be_unknown() {
    let table = load(
        "time,amount,Topped_up_1d,refunds 24h,currency\n100,5,2000.00,,CNY\n200,5,,7,JPY\n300,5,0,1.5,CNY\n",
    );
    let table = table.unwrap();
    let flows = |row| {
        let facts = table.facts(row);
        (facts.topped_up_1d_minor, facts.refunded_1d_minor)
    };
    assert_eq!(flows(0), (Some(200_000), None));
    assert_eq!(flows(1), (None, Some(7)), "yen have no decimals, though the column stands last");
    assert_eq!(flows(2), (Some(0), Some(150)));
    let none = load("time,amount\n100,5\n").unwrap().facts(0);
    assert_eq!((none.topped_up_1d_minor, none.refunded_1d_minor), (None, None));
    assert_eq!(
        complaint(b"time,amount,refunded_1d\n100,5,much\n"),
        "line 2, column `refunded_1d`: `much` is not an amount such as `57.16`"
    );
}

#[test]
fn the_shops_zone_sets_its_hour_and_day() {
    let options = ReadOptions { zone_minutes: 480, ..ReadOptions::default() };
    let table = read(b"time,amount\n2018-04-02 01:30:00,5\n2018-04-01T17:30:00Z,5\n", &options).unwrap();
    assert_eq!(table.at(0), table.at(1));
    assert_eq!(table.facts(0).hour, Some(1));
    assert_eq!(table.day(0), 17_623);
}

#[test]
fn rows_out_of_order_are_sorted_and_equal_times_keep_their_order() {
    let table = load("time,amount,id\n300,1,c\n100,1,a\n200,1,b1\n200,1,b2\n").unwrap();
    assert!(table.was_sorted_here());
    let ids: Vec<_> = table.in_time_order().map(|row| table.id(row).into_owned()).collect();
    assert_eq!(ids, ["a", "b1", "b2", "c"]);
    assert!(!load(PLAIN).unwrap().was_sorted_here());
}

#[test]
fn labels_come_from_the_named_column() {
    let options = ReadOptions { labels: Some("bad".into()), ..ReadOptions::default() };
    let table = read(b"time,amount,bad\n100,1,1\n200,1,0\n300,1,\n", &options).unwrap();
    assert_eq!([0, 1, 2].map(|row| table.is_fraud(row)), [true, false, false]);
    let error = read(b"time,amount,bad\n100,1,1\n200,1,hm\n", &options).err().unwrap();
    assert_eq!(error.to_string(), "line 3, column `bad`: `hm` is not a label such as `0` or `1`");
    let error = read(b"time,amount\n", &options).err().unwrap();
    assert_eq!(error.to_string(), "there is no column `bad`; the file has `time`, `amount`");
}

#[test]
fn without_an_id_column_rows_are_numbered() {
    let table = load("time,amount\n100,1\n200,1\n").unwrap();
    assert_eq!((table.id(0).as_ref(), table.id(1).as_ref()), ("1", "2"));
}

#[test]
fn bad_files_are_refused_with_line_and_column() {
    assert_eq!(complaint(b""), "the file is empty; its first line must name the columns");
    let cut = b"time,amount,payer\n2018-04-01,1,a\n2018-04-01,2";
    assert_eq!(complaint(cut), "line 3: 2 columns where the first line has 3", "cut before its last column");
    assert_eq!(complaint(b"time,amount\n2018-04-01\n"), "line 2: 1 columns where the first line has 2");
    assert_eq!(complaint(b"time,amount\n2018-04-01,1,2\n"), "line 2: 3 columns where the first line has 2");
    assert_eq!(
        complaint(b"time,amount\n100,1\nyesterday,1\n"),
        "line 3, column `time`: `yesterday` is not a time such as `2026-03-01T09:30:00Z`, `2026-03-01 09:30:00` or epoch seconds"
    );
    assert_eq!(
        complaint(b"time,amount\n100,-3\n"),
        "line 2, column `amount`: `-3` is not an amount of zero or more; leave refunds out of the file"
    );
    assert_eq!(complaint(b"time,amount\n100,\xC0\xC1\n"), "line 2: not UTF-8 text; save the file as UTF-8");
    assert_eq!(complaint(b"\xFF\xFEt\0i\0m\0e\0"), "line 1: not UTF-8 text; save the file as UTF-8");
    assert_eq!(
        complaint(b"time,amount,currency\n100,1,ZZZ\n"),
        "line 2, column `currency`: `ZZZ` is not an ISO 4217 currency such as `CNY`"
    );
    // A character cut in two by a delimiter.
    assert_eq!(
        complaint(b"time,amount,id\n100,1\xE4,\xB8\xAD\n"),
        "line 2: not UTF-8 text; save the file as UTF-8"
    );
}

#[test]
fn a_long_cell_is_shortened_in_the_complaint() {
    let text = format!("time,amount\n100,{}\n", "金".repeat(200));
    let told = complaint(text.as_bytes());
    assert!(told.contains(&format!("`{}…`", "金".repeat(40))), "{told}");
}

#[test]
fn limits_hold_on_both_sides() {
    let line = |bytes: usize| format!("time,amount,note\n100,1,{}\n", "x".repeat(bytes - 4));
    assert!(load(&line(limits::LINE_BYTES_MAX)).is_ok());
    assert_eq!(
        complaint(line(limits::LINE_BYTES_MAX + 1).as_bytes()),
        "line 2: longer than 65536 bytes; is this a table of payments?"
    );
    let wide = |columns: usize| {
        let more: String = (2..columns).map(|number| format!(",x{number}")).collect();
        format!("time,amount{more}\n")
    };
    assert!(load(&wide(limits::COLUMNS_MAX)).is_ok());
    assert_eq!(complaint(wide(limits::COLUMNS_MAX + 1).as_bytes()), "line 1: more than 256 columns");
}

#[test]
fn an_endless_line_and_an_expanding_file_stop_at_the_limit() {
    let endless = std::io::repeat(b'x').take(1 << 33);
    let error = read_stream(endless, None, &ReadOptions::default(), &mut |_| {}).err().unwrap();
    assert!(matches!(error, TableError::LongLine { line: 1 }), "{error}");
    // 64 MiB of zeros in a few kilobytes: refused after the first 64 KiB of them.
    let bomb = zstd::encode_all(std::io::repeat(0).take(64 << 20), 3).unwrap();
    let file = [zstd::encode_all(&b"time,amount\n100,"[..], 3).unwrap(), bomb].concat();
    assert_eq!(complaint(&file), "line 2: longer than 65536 bytes; is this a table of payments?");
}

#[test]
fn a_cut_archive_says_where() {
    let text = format!("time,amount\n{}", "100,1\n".repeat(100_000));
    let zstd = zstd::encode_all(text.as_bytes(), 3).unwrap();
    let told = complaint(&zstd[..zstd.len() - 3]);
    assert!(told.starts_with("the file is cut or damaged after line "), "{told}");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let told = complaint(&gzip[..gzip.len() - 9]);
    assert!(told.starts_with("the file is cut or damaged after line "), "{told}");
}

#[test]
fn an_unreadable_path_is_named() {
    let error = read_file(Path::new("/nowhere/x.csv"), &ReadOptions::default(), &mut |_| {}).err().unwrap();
    assert_eq!(error.to_string(), "`/nowhere/x.csv` cannot be opened");
}

proptest::proptest! {
    #[test]
    fn hostile_bytes_never_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        let _ = read(&bytes, &ReadOptions::default());
        let mut file = b"time,amount,id,currency,lat\n".to_vec();
        file.extend(bytes);
        let _ = read(&file, &ReadOptions::default());
    }

    #[test]
    fn hostile_text_never_panics(text in "[0-9,;\"\n\r. :TZ+eE¥中x-]{0,80}") {
        let _ = load(&format!("time,amount,id,currency,lat\n{text}"));
        let _ = load(&text);
    }
}
