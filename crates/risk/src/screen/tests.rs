//! Outputs of screening, and what is left behind when something fails.

use super::*;
use crate::table::read;

fn screened(text: &str, labels: bool) -> Screening {
    let mut options = ScreenOptions::new(Path::new("payments.csv"));
    options.read.labels = labels.then(|| "fraud".to_owned());
    let table = read(text.as_bytes(), &options.read).unwrap();
    screen(&options, &table, &mut |_| {}).unwrap()
}

/// A payer with a habit, then a hundred times as much at once from a new device.
fn file() -> String {
    let mut text = String::from("id,time,amount,payer,device,shop,fraud\n");
    for day in 0..30i64 {
        text.push_str(&format!("n{day},{},20.00,p,d,s,0\n", 1_700_000_000 + day * 86_400));
    }
    text.push_str(&format!("\"x,\"\"y\",{},90000.00,p,e,z,1\n", 1_700_000_000 + 30 * 86_400));
    text
}

#[test]
fn json_has_what_a_script_reads() {
    let json = screened(&file(), true).to_json();
    assert_eq!(json["rows"], 31);
    let outcomes = json["outcomes"].as_object().unwrap();
    let mut named: Vec<_> = outcomes.keys().collect();
    named.sort();
    assert_eq!(named, ["allow", "block", "challenge", "review"]);
    assert_eq!(outcomes.values().map(|n| n.as_u64().unwrap()).sum::<u64>(), 31);
    for figure in ["auc_roc", "average_precision", "card_precision_at_100", "recall", "precision"] {
        assert!(json[figure].is_number(), "{figure}: {}", json[figure]);
    }
    for field in ["seconds", "rows_per_second"] {
        assert!(json[field].is_number());
    }
    let skipped: Vec<_> =
        json["skipped_rules"].as_array().unwrap().iter().filter_map(|n| n.as_str()).collect();
    assert!(
        skipped.contains(&"impossible_travel") && !skipped.contains(&"new_device_high_amount"),
        "{skipped:?}"
    );
    let bare = screened(&file(), false).to_json();
    assert!(bare.get("auc_roc").is_none());
    assert_eq!(bare["unread_columns"], serde_json::json!(["fraud"]));
}

#[test]
fn an_amount_far_out_of_habit_is_not_simply_allowed() {
    let screening = screened(&file(), true);
    assert_eq!(screening.stopped(), 1, "{:?}", screening.totals);
    assert_eq!(screening.worst[0].id, "x,\"y");
    assert!(!screening.worst[0].why.is_empty());
    assert_eq!(screening.quality.unwrap().figures.recall, Some(1.0));
}

/// Each kind of file without a column, and with it: the rule is skipped, and then it fires.
#[test]
fn rules_on_top_ups_refunds_and_countries_work_on_files_that_have_the_columns() {
    let check = |rule: &str, columns: &str, history: &str, row: &str, without: &[&str]| {
        let mut text = format!("{columns}\n");
        for minute in 0..4 {
            text.push_str(&history.replace("TIME", &(1_700_000_000 + minute * 60).to_string()));
        }
        text.push_str(&row.replace("TIME", "1700000900"));
        let screening = screened(&text, false);
        let skipped = |screening: &Screening| screening.skipped_rules.iter().any(|name| name == rule);
        assert!(!skipped(&screening), "{rule} is skipped: {:?}", screening.skipped_rules);
        let fired = screening.rules.iter().find(|found| found.name == rule).map(|found| found.hits.genuine);
        assert_eq!(fired, Some(1), "{rule}");
        for column in without {
            assert!(skipped(&screened(&text.replace(column, "unknown"), false)), "{rule} without {column}");
        }
    };
    check(
        "top_up_and_out",
        "time,amount,payer,shop,topped_up_1d,payer_account_days",
        "TIME,5.00,p,s,0,1\n",
        "TIME,3000.00,p,z,3000.00,1\n",
        &["topped_up_1d", "payer_account_days"],
    );
    check(
        "refund_round_trip",
        "time,amount,payer,shop,refunded_1d",
        "TIME,5.00,p,s,0\n",
        "TIME,1000.00,p,s,900.00\n",
        &["refunded_1d"],
    );
    check(
        "country_mismatch_high",
        "time,amount,payer,shop,device,card_country,ip_country",
        "TIME,5.00,p,s,d,CN,CN\n",
        "TIME,9000.00,p,s,e,CN,US\n",
        &["ip_country"],
    );
}

#[test]
fn files_of_only_one_kind_or_none_have_no_figures() {
    let none = screened("time,amount,fraud\n", true);
    assert_eq!((none.rows, none.stopped()), (0, 0));
    assert_eq!(none.to_json()["auc_roc"], serde_json::Value::Null);
    assert!(crate::report::page(&none).contains("The file has no payments"));
    let genuine = screened("time,amount,fraud\n100,5,0\n", true);
    assert_eq!(genuine.to_json()["auc_roc"], serde_json::Value::Null);
    assert!(crate::report::page(&genuine).contains("All 1 payments would have been allowed"));
}

#[test]
fn decisions_are_a_table_again_and_nothing_half_written_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let (out, report) = (folder.path().join("out.csv"), folder.path().join("out.html"));
    let input = folder.path().join("in.csv");
    std::fs::write(&input, file()).unwrap();
    let mut options = ScreenOptions::new(&input);
    (options.decisions, options.report) = (Some(out.clone()), Some(report.clone()));
    run(&options, &mut |_| {}).unwrap();
    let text = std::fs::read_to_string(&out).unwrap();
    assert_eq!(text.lines().count(), 32);
    assert!(text.starts_with("id,time,outcome,score,reasons\nn0,2023-11-14T22:13:20.000Z,allow,"), "{text}");
    assert!(text.lines().last().unwrap().starts_with("\"x,\"\"y\",2023-12-14T22:13:20.000Z,"));
    assert!(std::fs::read_to_string(&report).unwrap().contains("1 of 31 payments would have been stopped"));
    // A second run that fails while reading leaves the first one's files as they were.
    std::fs::write(&input, file() + "broken\n").unwrap();
    let error = run(&options, &mut |_| {}).unwrap_err();
    assert_eq!(error.to_string(), "line 33: 1 columns where the first line has 7");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), text);
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 3);
}

#[test]
fn no_id_becomes_a_formula_in_the_decisions() {
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("in.csv"), folder.path().join("out.csv"));
    let mut text = String::from("id,time,amount\n");
    for id in ["=1+1", "+1", "-1", "@x", "\"=\"\"a\"\",b\"", "1=1", "17"] {
        text.push_str(&format!("{id},1700000000,20.00\n"));
    }
    std::fs::write(&input, text).unwrap();
    let options = ScreenOptions { decisions: Some(out.clone()), ..ScreenOptions::new(&input) };
    run(&options, &mut |_| {}).unwrap();
    let text = std::fs::read_to_string(&out).unwrap();
    let ids: Vec<_> = text.lines().skip(1).filter_map(|line| line.split(",2023-").next()).collect();
    assert_eq!(ids, ["'=1+1", "'+1", "'-1", "'@x", "\"'=\"\"a\"\",b\"", "1=1", "17"]);
    let mut tab = String::new();
    cell("\t=1", &mut tab);
    cell("\r=1", &mut tab);
    assert_eq!(tab, "'\t=1\"'\r=1\"");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in.csv");
    std::fs::write(&input, file()).unwrap();
    let out = folder.path().join("no/out.csv");
    let options = ScreenOptions { decisions: Some(out.clone()), ..ScreenOptions::new(&input) };
    let error = run(&options, &mut |_| {}).unwrap_err();
    assert_eq!(error.to_string(), format!("`{}` cannot be written", out.display()));
}

#[test]
fn the_label_delay_has_a_limit_on_both_sides() {
    let delayed = |label_delay_days| {
        let options = ScreenOptions { label_delay_days, ..ScreenOptions::new(Path::new("/nowhere")) };
        run(&options, &mut |_| {}).unwrap_err()
    };
    assert!(matches!(delayed(LABEL_DELAY_DAYS_MAX), ScreenError::Table(_)));
    assert!(matches!(delayed(LABEL_DELAY_DAYS_MAX + 1), ScreenError::Delay));
}

#[test]
fn texts_of_the_file_cannot_become_markup() {
    let evil = "<script>alert(1)</script>";
    let text =
        file().replace("\"x,\"\"y\"", evil).replace("device", "device_id").replace("fraud", "<img src=x>");
    let page = crate::report::page(&screened(&text, false));
    assert!(!page.contains("<script") && !page.contains("<img"));
    assert!(page.contains("&lt;script&gt;") && page.contains("&lt;img"));
}
