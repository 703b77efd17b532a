//! Which column holds what: told with `--map field=COLUMN`, or guessed from the headings exports commonly use.

use super::TableError;

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident, $text:literal, [$($guess:literal),* $(,)?];)*) => {
        /// What a column can hold.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Field { $($(#[$doc])* $name,)* }

        impl Field {
            /// All fields.
            pub const ALL: &[Field] = &[$(Field::$name,)*];

            /// The name `--map` uses.
            pub const fn name(self) -> &'static str {
                match self { $(Field::$name => $text,)* }
            }

            /// Headings that mean this field, lower case, letters and digits only, the surest first.
            const fn headings(self) -> &'static [&'static str] {
                match self { $(Field::$name => &[$($guess),*],)* }
            }
        }
    };
}

fields! {
    /// The payment's own id, copied to the decisions.
    Id, "id", ["id", "transactionid", "paymentid", "chargeid", "txid", "orderid", "tradeno", "交易号", "交易单号", "支付宝交易号", "订单号", "商户订单号", "商户单号"];
    /// When it happened.
    Time, "time", ["time", "txdatetime", "datetime", "timestamp", "createdutc", "created", "createdat", "createddateutc", "paidat", "transactiontime", "transactiondate", "date", "交易时间", "交易创建时间", "创建时间", "付款时间", "支付时间"];
    /// How much.
    Amount, "amount", ["amount", "txamount", "transactionamount", "amt", "total", "paymentamount", "金额", "金额元", "交易金额", "订单金额", "订单金额元", "支付金额"];
    /// Currency code.
    Currency, "currency", ["currency", "currencycode", "币种", "货币", "标价币种"];
    /// Who pays.
    Payer, "payer", ["payer", "payerid", "customerid", "customer", "userid", "user", "accountid", "buyerid", "buyer", "customeremail", "buyeremail", "buyerloginid", "openid", "用户标识", "买家", "买家账号", "对方账号", "付款方", "用户id", "客户id"];
    /// The card.
    Card, "card", ["card", "cardid", "cardnumber", "cardfingerprint", "cardtoken", "pan", "ccnum", "paymentmethodid", "卡号", "银行卡号"];
    /// The payer's device.
    Device, "device", ["device", "deviceid", "devicefingerprint", "devicetoken", "设备", "设备号", "设备id"];
    /// The network address.
    Address, "address", ["ip", "ipaddress", "clientip", "remoteip", "customerip", "networkaddress", "address", "ip地址", "客户端ip"];
    /// Who is paid.
    Shop, "shop", ["shop", "shopid", "merchant", "merchantid", "storeid", "store", "seller", "sellerid", "商户号", "商户", "门店", "门店编号", "店铺", "商户id"];
    /// The terminal or code.
    Terminal, "terminal", ["terminal", "terminalid", "posid", "deviceinfo", "终端号", "终端", "设备终端号", "收款码"];
    /// Whether it was paid or declined.
    Status, "status", ["status", "paymentstatus", "transactionstatus", "tradestate", "交易状态", "支付状态", "当前状态", "状态"];
    /// Way of paying.
    Method, "method", ["method", "paymentmethod", "paymentmethodtype", "channel", "paymenttype", "支付方式", "交易方式", "付款方式", "交易类型"];
    /// `none`, `static` or `dynamic`.
    Code, "code", ["codekind", "codetype", "qrtype", "码类型"];
    /// Minutes since the code was made.
    CodeAgeMinutes, "code_age_minutes", ["codeageminutes"];
    /// Country of the payer.
    Country, "country", ["country", "payercountry", "customercountry", "billingcountry", "cardaddresscountry", "国家"];
    /// Country that issued the card.
    CardCountry, "card_country", ["cardcountry", "cardissuecountry", "issuercountry", "bincountry", "发卡国家"];
    /// Country of the network address.
    AddressCountry, "address_country", ["ipcountry", "addresscountry"];
    /// Country of the shop.
    ShopCountry, "shop_country", ["shopcountry", "merchantcountry", "sellercountry"];
    /// Latitude of the payer's device, degrees.
    Lat, "lat", ["lat", "latitude", "payerlat", "纬度"];
    /// Longitude of the payer's device, degrees.
    Lon, "lon", ["lon", "lng", "long", "longitude", "payerlon", "经度"];
    /// Latitude of the code or terminal, degrees.
    CodeLat, "code_lat", ["codelat", "merchlat", "terminallat", "shoplat"];
    /// Longitude of the code or terminal, degrees.
    CodeLon, "code_lon", ["codelon", "merchlong", "merchlon", "terminallon", "shoplon"];
    /// Days since the payer's account was opened.
    PayerAccountDays, "payer_account_days", ["payeraccountdays", "accountagedays", "accountage"];
    /// Days since the shop was opened.
    ShopAccountDays, "shop_account_days", ["shopaccountdays", "merchantagedays"];
    /// Days since the device was first used by the payer.
    DeviceAgeDays, "device_age_days", ["deviceagedays"];
    /// Minutes since the session began.
    SessionAgeMinutes, "session_age_minutes", ["sessionageminutes"];
    /// Wrong PINs in the last day.
    FailedPins, "failed_pins", ["failedpins", "failedpins24h"];
    /// Hours since e-mail or phone was changed.
    ContactChangedHours, "contact_changed_hours", ["contactchangedhours"];
    /// Hours since PIN, password or passkey was changed.
    CredentialChangedHours, "credential_changed_hours", ["credentialchangedhours"];
    /// What the payer put into the balance in the last day, as amounts are written.
    ToppedUp, "topped_up_1d", ["toppedup1d", "toppedup24h", "topups1d", "topups24h", "一日充值", "24小时充值"];
    /// What this shop gave back to the payer in the last day, as amounts are written.
    Refunded, "refunded_1d", ["refunded1d", "refunded24h", "refunds1d", "refunds24h", "一日退款", "24小时退款"];
    /// Whether it was a fraud. Only with `--labels`, never guessed.
    Label, "label", [];
}

/// One `--map field=COLUMN`. An empty column leaves the field out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// What the column holds.
    pub field: Field,
    /// Its heading; empty for none.
    pub column: String,
}

impl std::str::FromStr for Mapping {
    type Err = TableError;

    fn from_str(text: &str) -> Result<Mapping, TableError> {
        let (name, column) = text.split_once('=').ok_or_else(|| TableError::Mapping(text.to_owned()))?;
        let field = Field::ALL.iter().copied().find(|field| field.name() == name);
        let field = field.ok_or_else(|| TableError::UnknownField { name: name.to_owned() })?;
        Ok(Mapping { field, column: column.to_owned() })
    }
}

/// Finds the column of each field.
///
/// # Errors
/// Two columns of one name where one of them is read, a mapped column that is absent, a field with two columns that look alike, and time or amount
/// not found.
pub(super) fn assign(headings: &[String], told: &[Mapping]) -> Result<Vec<(Field, usize)>, TableError> {
    let mut assigned: Vec<(Field, usize)> = Vec::new();
    for mapping in told.iter().filter(|mapping| !mapping.column.is_empty()) {
        let place = headings.iter().position(|heading| *heading == mapping.column);
        let place = place.ok_or_else(|| TableError::NoColumn {
            column: mapping.column.clone(),
            headings: headings.join("`, `"),
        })?;
        assigned.push((mapping.field, place));
    }
    let plain: Vec<String> = headings.iter().map(|heading| simplify(heading)).collect();
    for field in Field::ALL.iter().copied().filter(|field| told.iter().all(|m| m.field != *field)) {
        let free = |place: &usize| assigned.iter().all(|(_, taken)| taken != place);
        let guess = |wanted: &&str| plain.iter().position(|heading| heading == wanted).filter(free);
        if let Some(place) = field.headings().iter().find_map(guess) {
            check_twin(field, place, headings, &plain, &free)?;
            assigned.push((field, place));
        }
    }
    check_names(headings, &assigned)?;
    for needed in [Field::Time, Field::Amount] {
        if assigned.iter().all(|(field, _)| *field != needed) {
            return Err(TableError::Unmapped { field: needed.name(), headings: headings.join("`, `") });
        }
    }
    Ok(assigned)
}

/// No column that is read shares its name with another; those that are not read may be called alike.
fn check_names(headings: &[String], assigned: &[(Field, usize)]) -> Result<(), TableError> {
    for (_, place) in assigned {
        let named = headings.get(*place);
        let mut alike = (0..headings.len()).filter(|other| headings.get(*other) == named);
        if let (Some(first), Some(second), Some(heading)) = (alike.next(), alike.next(), named) {
            let (first, second) = (first + 1, second + 1);
            return Err(TableError::SameHeading { heading: heading.clone(), first, second });
        }
    }
    Ok(())
}

/// What was guessed for a field is the only column of its looks: beside `Amount` there is no `amount`.
fn check_twin(
    field: Field,
    place: usize,
    headings: &[String],
    plain: &[String],
    free: &dyn Fn(&usize) -> bool,
) -> Result<(), TableError> {
    let named_alike = |other: usize| headings.get(other) == headings.get(place);
    let alike =
        |other: &usize| *other > place && plain.get(*other) == plain.get(place) && !named_alike(*other);
    let Some(twin) = (0..plain.len()).filter(alike).find(free) else { return Ok(()) };
    let name = |place: usize| headings.get(place).cloned().unwrap_or_default();
    let (heading, other) = (name(place), name(twin));
    Err(TableError::Ambiguous { field: field.name(), first: place + 1, heading, second: twin + 1, other })
}

/// Lower case, letters and digits only: `TX_DATETIME` and `Tx Datetime` become `txdatetime`.
fn simplify(heading: &str) -> String {
    heading.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headings: &str, expect: &str) {
        let headings: Vec<String> = headings.split(',').map(str::to_owned).collect();
        let mut found: Vec<String> = assign(&headings, &[])
            .expect("a mapping")
            .iter()
            .map(|(field, place)| format!("{}={}", field.name(), headings[*place]))
            .collect();
        found.sort();
        assert_eq!(found.join(" "), expect);
    }

    #[test]
    fn common_exports_are_recognised() {
        check(
            "TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_TIME_SECONDS,TX_TIME_DAYS,TX_FRAUD",
            "amount=TX_AMOUNT id=TRANSACTION_ID payer=CUSTOMER_ID terminal=TERMINAL_ID time=TX_DATETIME",
        );
        check(
            "id,Created (UTC),Amount,Currency,Customer ID,Card Fingerprint,Card Issue Country,Customer IP",
            "address=Customer IP amount=Amount card=Card Fingerprint card_country=Card Issue Country currency=Currency \
             id=id payer=Customer ID time=Created (UTC)",
        );
        check(
            "交易号,商户订单号,交易创建时间,金额（元）,对方账号,终端号",
            "amount=金额（元） id=交易号 payer=对方账号 terminal=终端号 time=交易创建时间",
        );
    }

    #[test]
    fn labels_are_never_guessed_and_maps_win() {
        let headings = ["time", "amount", "fraud", "label", "who"].map(str::to_owned);
        let found =
            assign(&headings, &["payer=who".parse().unwrap(), "amount=label".parse().unwrap()]).unwrap();
        assert!(found.contains(&(Field::Payer, 4)) && found.contains(&(Field::Amount, 3)));
        assert!(found.iter().all(|(field, _)| *field != Field::Label));
    }

    #[test]
    fn two_columns_that_could_be_meant_are_never_chosen_between() {
        let names = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        let text = |headings: &str, told: &[Mapping]| {
            assign(&names(headings), told)
                .map_or_else(|error| error.to_string(), |found| format!("{found:?}"))
        };
        let twice = "columns 2 and 4 are both named `amount`; rename one, for which is meant cannot be told";
        assert_eq!(text("time,amount,id,amount", &[]), twice);
        assert_eq!(text("time,amount,id,amount", &["amount=amount".parse().unwrap()]), twice);
        assert_eq!(
            text("time,amount,note,note", &[]),
            "[(Time, 0), (Amount, 1)]",
            "what is not read may be alike"
        );
        let read = text("time,amount,note,note", &["shop=note".parse().unwrap()]);
        assert!(read.starts_with("columns 3 and 4 are both named `note`"), "{read}");
        assert_eq!(
            text("time,Amount,id,amount", &[]),
            "column 2 `Amount` and column 4 `amount` both look like `amount`; say which with `--map amount=COLUMN`"
        );
        let chosen = text("time,Amount,amount,,", &["amount=amount".parse().unwrap()]);
        assert_eq!(chosen, "[(Amount, 2), (Time, 0)]", "told, and columns without a name");
    }

    #[test]
    fn wrong_maps_say_what_is_wrong() {
        let headings = ["when", "amount"].map(str::to_owned);
        let text = |result: Result<Vec<(Field, usize)>, TableError>| result.unwrap_err().to_string();
        assert_eq!(
            text(assign(&headings, &[])),
            "no column looks like `time` among `when`, `amount`; say which with `--map time=COLUMN`"
        );
        let missing = "time=at".parse().unwrap();
        assert_eq!(
            text(assign(&headings, &[missing])),
            "there is no column `at`; the file has `when`, `amount`"
        );
        assert!("time".parse::<Mapping>().is_err());
        assert!(
            "tyme=at"
                .parse::<Mapping>()
                .unwrap_err()
                .to_string()
                .starts_with("`tyme` is not a field; fields are `id`")
        );
    }
}
