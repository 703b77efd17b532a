//! Who may read and write which fields (ASVS 8.1.2), as the page `docs/fields.md`: every operation of the description
//! with its permission, every body and every view with its fields and the roles that reach them, and what is masked.
//!
//! Promises: nothing here is written by hand but the table of what is masked, and each line of that names fields that the
//! description has. `tillward roles --fields` prints the page; a test compares it with the one that is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use identity::{Permission, Role};
use serde_json::Value;

use super::{held_by, permission_of};

/// Operations on a payment that its payer may use without the permission; the payment is then their own.
pub const PAYERS_OWN: [&str; 3] = ["find_payment", "find_proof", "list_refunds"];

const HEAD: &str = "# Fields\n\nWho may write and read which fields of the API. This page is made from the description of the API (`tillward openapi`) \
    and the table of roles (`tillward roles`) by `tillward roles --fields`; a test fails when it is not what they say.\n\n\
    - What is not named for an operation is refused, not overlooked: a request with another field gets 400 and changes \
    nothing. Only what a browser hands over for a passkey may hold more; it is not read.\n\
    - A field is whole or absent for everybody who may use the operation; no field of an answer depends on the role. What a \
    role may not see is in a view that it has no operation for.\n\
    - Roles reach their own shop's things, buyers and terminals their own. The payer of a payment also sees it, its proof \
    and its refunds. *anyone* is who has no account, or is not signed in yet.\n\
    - A shop's own roles hold permissions of this table and no others.\n";

/// What is shown of a value to those who may read the field, and how the whole is had.
struct Masked {
    view: &'static str,
    field: &'static str,
    shown: &'static str,
    whole: &'static str,
}

const MASKED: &[Masked] = &[
    Masked {
        view: "MaskedValueView",
        field: "masked",
        shown: "of a name the first letter of each word; of a phone, account or identity number the last two or four \
            characters; of a mail address its domain; of an address town and country",
        whole: "`open_customer`, with a purpose, within limits, noted for the customer",
    },
    Masked {
        view: "TokenView",
        field: "bin",
        shown: "the first six or eight digits of the card number",
        whole: "`open_token`, with a purpose, within limits, noted",
    },
    Masked {
        view: "TokenView",
        field: "last4",
        shown: "the last four digits of the card number; the name on the card is not shown",
        whole: "`open_token`, with a purpose, within limits, noted",
    },
    Masked {
        view: "PayoutAccountView",
        field: "holder",
        shown: "the first letter of each word",
        whole: "nobody",
    },
    Masked {
        view: "PayoutAccountView",
        field: "number",
        shown: "the last four characters, of an IBAN its country too",
        whole: "nobody",
    },
    Masked {
        view: "SessionView",
        field: "network",
        shown: "the network without its last part",
        whole: "nobody",
    },
    Masked {
        view: "FactorView",
        field: "label",
        shown: "of a phone number for text messages the last two digits",
        whole: "nobody",
    },
    Masked {
        view: "ApiKeyView",
        field: "id",
        shown: "the key's name, never its secret",
        whole: "`create_api_key` gives the secret once, to whoever makes the key",
    },
    Masked {
        view: "OpeningView",
        field: "opened",
        shown: "which kinds of values were opened, never the values",
        whole: "nobody",
    },
];

/// The page.
pub fn print_fields() -> String {
    let api = serde_json::to_value(crate::openapi::openapi()).unwrap_or_default();
    let (operations, types) = (read_operations(&api), Types::of(&api));
    let mut page = HEAD.to_owned();
    print_masked(&mut page);
    print_operations(&mut page, &operations);
    let taken = |operation: &Operation| operation.takes.clone();
    page.push_str("\n## What is written\n\n| body | fields | by |\n|---|---|---|\n");
    print_types(&mut page, &types, &operations, &taken);
    let answered = |operation: &Operation| operation.answers.clone();
    page.push_str("\n## What is read\n\n| view | fields | by |\n|---|---|---|\n");
    print_types(&mut page, &types, &operations, &answered);
    page
}

fn print_masked(page: &mut String) {
    page.push_str(
        "\n## What is masked\n\n| field | what those who may read it see | who gets the whole |\n|---|---|---|\n",
    );
    for Masked { view, field, shown, whole } in MASKED {
        let _ = writeln!(page, "| `{view}.{field}` | {shown} | {whole} |");
    }
}

fn print_operations(page: &mut String, operations: &[Operation]) {
    page.push_str(
        "\n## Operations\n\n| operation | permission | takes | answers | roles |\n|---|---|---|---|---|\n",
    );
    for one in operations {
        let permission = permission_of(&one.id).map_or("none", Permission::name);
        let (takes, answers) = (quoted(&one.takes), quoted(&one.answers));
        let who = one.who.iter().copied().collect::<Vec<_>>().join(", ");
        let _ = writeln!(page, "| `{}` | {permission} | {takes} | {answers} | {who} |", one.id);
    }
}

fn quoted(names: &BTreeSet<String>) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A line for each type that an operation takes or answers, or that stands in one of those.
fn print_types(
    page: &mut String,
    types: &Types,
    operations: &[Operation],
    of: &dyn Fn(&Operation) -> BTreeSet<String>,
) {
    let mut reached: BTreeMap<String, BTreeSet<&'static str>> = BTreeMap::new();
    for operation in operations {
        for name in types.within(&of(operation)) {
            reached.entry(name).or_default().extend(&operation.who);
        }
    }
    for (name, who) in reached {
        let fields = types.fields(&name).join(", ");
        if !fields.is_empty() {
            let who = who.into_iter().collect::<Vec<_>>().join(", ");
            let _ = writeln!(page, "| `{name}` | {fields} | {who} |");
        }
    }
}

/// An operation with the types it takes and answers when all is well, and the roles that may use it.
struct Operation {
    id: String,
    takes: BTreeSet<String>,
    answers: BTreeSet<String>,
    who: BTreeSet<&'static str>,
}

fn read_operations(api: &Value) -> Vec<Operation> {
    let paths = api.get("paths").and_then(Value::as_object).into_iter().flatten();
    let all = paths.flat_map(|(_, methods)| methods.as_object().into_iter().flatten());
    let mut found: Vec<Operation> = all.map(|(_, operation)| Operation::read(operation)).collect();
    found.sort_by(|one, other| one.id.cmp(&other.id));
    found
}

impl Operation {
    fn read(operation: &Value) -> Operation {
        let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
        let answers = operation["responses"].as_object().into_iter().flatten();
        let good = answers.filter(|(status, _)| status.starts_with('2')).flat_map(|(_, one)| named(one));
        let (takes, answers) = (named(&operation["requestBody"]), good.collect());
        let who = who_may(&id, &operation["security"]);
        Operation { id, takes, answers, who }
    }
}

/// The types that a body or an answer is made of; the kind of content, where it is no JSON.
fn named(part: &Value) -> BTreeSet<String> {
    let kinds = part["content"].as_object().into_iter().flatten();
    kinds
        .map(|(kind, content)| {
            let name = content.pointer("/schema/$ref").and_then(Value::as_str);
            name.map_or_else(|| kind.clone(), |name| last(name).to_owned())
        })
        .collect()
}

fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// The roles that have the permission, where the operation takes what such callers show.
fn who_may(id: &str, ways: &Value) -> BTreeSet<&'static str> {
    let Some(permission) = permission_of(id) else { return BTreeSet::from(["anyone"]) };
    let ways: BTreeSet<&str> = ways
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|way| way.as_object().into_iter().flat_map(|way| way.keys().map(String::as_str)))
        .collect();
    let fits = |role: &Role| credentials(*role).iter().any(|shown| ways.contains(shown));
    let mut who: BTreeSet<&str> =
        permission.holders().iter().filter(|role| fits(role)).map(|role| role.name()).collect();
    if PAYERS_OWN.contains(&id) {
        who.insert(Role::Buyer.name());
    }
    who
}

/// What callers of a role show, as the description calls it.
fn credentials(role: Role) -> &'static [&'static str] {
    match held_by(role) {
        "buyer" => &["buyer_session"],
        // A client certificate takes the place of a signature.
        "terminal" => &["client_certificate", "signature"],
        "API key" => &["signature", "client_certificate"],
        "member of a shop" => &["member_session"],
        "member of the house" => &["member_session", "signature"],
        _ => &[],
    }
}

/// The types of the description.
struct Types(serde_json::Map<String, Value>);

impl Types {
    fn of(api: &Value) -> Types {
        Types(api.pointer("/components/schemas").and_then(Value::as_object).cloned().unwrap_or_default())
    }

    /// These types and all that stand in them.
    fn within(&self, first: &BTreeSet<String>) -> BTreeSet<String> {
        let (mut found, mut next) = (BTreeSet::new(), first.clone());
        while let Some(name) = next.pop_first() {
            next.extend(self.inside(&name, self.0.get(&name).unwrap_or(&Value::Null)));
            found.insert(name);
            next.retain(|name| !found.contains(name));
        }
        found
    }

    /// The types that stand in this part of the type `name`. What a list holds is written out in it, and known by its name.
    fn inside(&self, name: &str, part: &Value) -> BTreeSet<String> {
        match name.strip_prefix("List_") {
            Some(one) if self.0.contains_key(one) => BTreeSet::from([one.to_owned()]),
            _ => references(part),
        }
    }

    /// Its fields; behind those that hold another type, that type's name.
    fn fields(&self, name: &str) -> Vec<String> {
        let fields = self.0.get(name).and_then(|schema| schema["properties"].as_object());
        let fields = fields.into_iter().flatten();
        fields
            .map(|(field, schema)| {
                let is_page = name.starts_with("List_") && field != "data";
                let inside = if is_page { BTreeSet::new() } else { self.inside(name, schema) };
                let inside = inside.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
                if inside.is_empty() { format!("`{field}`") } else { format!("`{field}` ({inside})") }
            })
            .collect()
    }
}

/// Every type that is referred to somewhere in a schema.
fn references(schema: &Value) -> BTreeSet<String> {
    match schema {
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| match value.as_str() {
                Some(name) if key == "$ref" => BTreeSet::from([last(name).to_owned()]),
                _ => references(value),
            })
            .collect(),
        Value::Array(all) => all.iter().flat_map(references).collect(),
        _ => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asvs_8_1_2_what_is_said_to_be_masked_is_a_field_that_somebody_reads() {
        let api = serde_json::to_value(crate::openapi::openapi()).unwrap();
        let page = print_fields();
        for Masked { view, field, whole, .. } in MASKED {
            let schema = &api["components"]["schemas"][view]["properties"][field];
            assert!(schema.is_object(), "`{view}` has no field `{field}`");
            assert!(page.contains(&format!("\n| `{view}` | ")), "nobody reads `{view}`");
            if let Some(id) = whole.strip_prefix('`').and_then(|rest| rest.split('`').next()) {
                assert!(permission_of(id).is_some(), "{id}");
            }
        }
    }
}
