//! All JSON of this domain: what `screen --json` and `train --json` print, one object each.

use base::Timestamp;
use serde_json::{Map, Value, json};

use crate::decide::Outcome;
use crate::screen::{RuleResult, Screening, Total};
use crate::train::{Figures, Fold, Trained, day_text};

impl Screening {
    /// One object for a script. The figures are there with labels only.
    pub fn to_json(&self) -> Value {
        let by_outcome = |figure: &dyn Fn(&Total) -> Value| -> Value {
            let pairs = Outcome::ALL.into_iter().zip(&self.totals);
            pairs
                .map(|(outcome, total)| (outcome.name().to_owned(), figure(total)))
                .collect::<Map<_, _>>()
                .into()
        };
        let columns: Map<String, Value> =
            self.columns.iter().map(|(field, column)| ((*field).to_owned(), json!(column))).collect();
        let mut object = json!({
            "file": self.file,
            "rows": self.rows,
            "seconds": self.seconds,
            "rows_per_second": self.rows_per_second().round(),
            "outcomes": by_outcome(&|total| json!(total.payments)),
            "currency": self.currency.code(),
            "amounts_minor": by_outcome(&|total| json!(total.minor)),
            "columns": columns,
            "unread_columns": self.unread_columns,
            "skipped_rules": self.skipped_rules,
            "sorted": self.sorted,
            "model": self.model,
            "rules": self.rules.iter().map(|rule| self.rule_json(rule)).collect::<Vec<_>>(),
        });
        if let (Some(quality), Some(object)) = (&self.quality, object.as_object_mut()) {
            if let Value::Object(figures) = quality.figures.to_json() {
                object.extend(figures);
            }
            object.insert("frauds".into(), json!(quality.frauds));
            object.insert("figures_rows".into(), json!(quality.rows));
            object.insert("label_delay_days".into(), json!(self.label_delay_days));
        }
        object
    }

    fn rule_json(&self, rule: &RuleResult) -> Value {
        let mut object = json!({
            "name": rule.name,
            "outcome": rule.outcome.name(),
            "fired": rule.hits.total(),
            "amount_minor": rule.minor,
        });
        if let (Some(_), Some(object)) = (&self.quality, object.as_object_mut()) {
            object.insert("precision".into(), json!(rule.hits.precision()));
            object.insert("recall".into(), json!(rule.hits.recall(self.frauds())));
        }
        object
    }
}

impl Figures {
    /// For a script.
    pub fn to_json(&self) -> Value {
        json!({
            "auc_roc": self.auc_roc,
            "average_precision": self.average_precision,
            "card_precision_at_100": self.card_precision_at_100,
            "recall": self.recall,
            "precision": self.precision,
        })
    }
}

impl Fold {
    /// For a script.
    pub fn to_json(&self) -> Value {
        let mut object = self.figures.to_json();
        let rest = json!({
            "train_from": day_text(self.train.start),
            "train_until": day_text(self.train.end - 1),
            "test_from": day_text(self.test.start),
            "test_until": day_text(self.test.end - 1),
            "train_rows": self.train_rows,
            "test_rows": self.test_rows,
            "known_rows": self.known_rows,
            "test_frauds": self.test_frauds,
            "mean_probability": self.mean_probability,
        });
        if let (Some(object), Value::Object(rest)) = (object.as_object_mut(), rest) {
            object.extend(rest);
        }
        object
    }
}

impl Trained {
    /// One object for a script: the first fold's figures at the top, then all folds, their mean, and the model.
    pub fn to_json(&self) -> Value {
        let mut object = self.folds.first().map_or_else(|| json!({}), |fold| fold.figures.to_json());
        let model = json!({
            "version": self.model.version_text(),
            "trees": self.model.trees(),
            "features": self.model.features().collect::<Vec<_>>(),
            "trained_from": Timestamp(self.model.trained().from_ms).to_rfc3339(),
            "trained_until": Timestamp(self.model.trained().until_ms).to_rfc3339(),
            "payments": self.model.trained().rows,
            "frauds": self.model.trained().frauds,
        });
        let mapping: serde_json::Map<String, Value> =
            self.mapping.iter().map(|(field, column)| ((*field).to_owned(), json!(column))).collect();
        let rest = json!({
            "rows": self.rows,
            "seconds": self.seconds,
            "columns": mapping,
            "folds": self.folds.iter().map(Fold::to_json).collect::<Vec<_>>(),
            "mean": self.means().to_json(),
            "model": model,
        });
        if let (Some(object), Value::Object(rest)) = (object.as_object_mut(), rest) {
            object.extend(rest);
        }
        object
    }
}
