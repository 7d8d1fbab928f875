//! The keys as a JSON schema, so that editors complete and check the file while it is written.

use wherefore_message::escape::json;

use crate::keys::File;
use crate::kind::{Absent, Choice, Kind, Row, Scope, Shape};
use crate::table::Keys;

/// The schema of the file (JSON Schema 2020-12).
#[must_use]
pub fn schema() -> String {
    let mut out = Writer::default();
    out.open('{');
    out.text("$schema", "https://json-schema.org/draft/2020-12/schema");
    out.text("title", "The configuration of Wherefore");
    table(&File::SCOPE, &mut out);
    out.close('}');
    out.text.push('\n');
    out.text
}

/// The members that describe a table.
fn table(scope: &Scope, out: &mut Writer) {
    out.text("type", "object");
    out.text("description", scope.about);
    out.raw("additionalProperties", "false");
    out.key("properties");
    out.open('{');
    for row in scope.keys() {
        out.key(row.name);
        out.open('{');
        key(row, out);
        out.close('}');
    }
    out.close('}');
    let required: Vec<_> =
        scope.keys().filter(|row| row.absent == Absent::Refused).map(|row| row.name).collect();
    if !required.is_empty() {
        out.strings("required", &required);
    }
    if scope.choice != Choice::None {
        out.key("oneOf");
        out.open('[');
        for row in scope.keys().filter(|row| row.is_choice) {
            out.open('{');
            out.strings("required", &[row.name]);
            out.close('}');
        }
        out.close(']');
    }
    company(scope, out);
}

/// Keys that mean something only beside others.
fn company(scope: &Scope, out: &mut Writer) {
    if scope.keys().all(|row| row.with.is_empty()) {
        return;
    }
    out.key("dependentSchemas");
    out.open('{');
    for row in scope.keys().filter(|row| !row.with.is_empty()) {
        out.key(row.name);
        out.open('{');
        out.key("anyOf");
        out.open('[');
        for other in row.with {
            out.open('{');
            out.strings("required", &[*other]);
            out.close('}');
        }
        out.close(']');
        out.close('}');
    }
    out.close('}');
}

fn key(row: &Row, out: &mut Writer) {
    // A table says what it is itself; what it is for here is said where it is asked for.
    if !matches!(row.kind.shape, Shape::Table(_)) {
        out.text("description", row.about);
    }
    kind(&row.kind, row.bounds, out);
    match row.absent {
        // Defaults that JSON writes as TOML does.
        Absent::Default(value) => out.raw("default", value),
        Absent::Nothing | Absent::Refused => {}
    }
}

fn kind(kind: &Kind, bounds: Option<(u64, u64)>, out: &mut Writer) {
    match kind.shape {
        Shape::Boolean if kind.wrong.contains(&"true") => out.raw("const", "false"),
        Shape::Boolean if kind.wrong.contains(&"false") => out.raw("const", "true"),
        Shape::Boolean => out.text("type", "boolean"),
        Shape::Number => {
            out.text("type", "integer");
            let (least, most) = bounds.unwrap_or((0, i64::MAX.unsigned_abs()));
            out.raw("minimum", &least.to_string());
            out.raw("maximum", &most.to_string());
        }
        Shape::Text("") => out.text("type", "string"),
        Shape::Text(pattern) => {
            out.text("type", "string");
            out.text("pattern", pattern);
        }
        Shape::Word(words) => out.strings("enum", words),
        Shape::Moment => {
            out.text("type", "string");
            out.text("format", "date-time");
        }
        Shape::Table(scope) => table(scope, out),
        Shape::List(of) => {
            out.key("anyOf");
            out.open('[');
            out.open('{');
            self::kind(of, None, out);
            out.close('}');
            out.open('{');
            out.text("type", "array");
            if let Some((least, most)) = bounds {
                out.raw("minItems", &least.to_string());
                out.raw("maxItems", &most.to_string());
            }
            out.key("items");
            out.open('{');
            self::kind(of, None, out);
            out.close('}');
            out.close('}');
            out.close(']');
        }
        Shape::Named(name, of) => {
            out.text("type", "object");
            if let Shape::Text(pattern) = name.shape {
                out.key("propertyNames");
                out.open('{');
                out.text("pattern", pattern);
                out.close('}');
            }
            out.key("additionalProperties");
            out.open('{');
            self::kind(of, None, out);
            out.close('}');
        }
        Shape::Either(kinds) => {
            out.key("anyOf");
            out.open('[');
            for one in kinds {
                out.open('{');
                self::kind(one, bounds, out);
                out.close('}');
            }
            out.close(']');
        }
    }
}

/// Writes JSON, a member or an element on a line.
#[derive(Default)]
struct Writer {
    text: String,
    depth: usize,
}

impl Writer {
    fn open(&mut self, bracket: char) {
        if self.text.ends_with(['}', ']']) {
            self.text.push(',');
        }
        if self.text.ends_with(['[', ',']) {
            self.line();
        }
        self.text.push(bracket);
        self.depth += 1;
    }

    fn close(&mut self, bracket: char) {
        self.depth -= 1;
        self.line();
        self.text.push(bracket);
    }

    fn key(&mut self, name: &str) {
        if !self.text.ends_with('{') {
            self.text.push(',');
        }
        self.line();
        json(name, &mut self.text);
        self.text.push_str(": ");
    }

    fn text(&mut self, name: &str, value: &str) {
        self.key(name);
        json(value, &mut self.text);
    }

    fn raw(&mut self, name: &str, value: &str) {
        self.key(name);
        self.text.push_str(value);
    }

    fn strings(&mut self, name: &str, values: &[&str]) {
        self.key(name);
        self.text.push('[');
        for (i, value) in values.iter().enumerate() {
            self.text.push_str(if i > 0 { ", " } else { "" });
            json(value, &mut self.text);
        }
        self.text.push(']');
    }

    fn line(&mut self) {
        self.text.push('\n');
        self.text.push_str(&" ".repeat(self.depth));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn the_schema_is_json_and_has_every_key() {
        let schema: Value = serde_json::from_str(&schema()).unwrap();
        let site = &schema["properties"]["site"]["additionalProperties"];
        let route = &site["properties"]["route"]["anyOf"][1]["items"];
        assert_eq!(route["required"][0], "path");
        assert_eq!(route["properties"]["gone"]["anyOf"][0]["const"], true);
        assert_eq!(route["properties"]["trace"]["type"], "boolean");
        assert_eq!(route["oneOf"][2]["required"][0], "redirect");
        assert_eq!(route["properties"]["content-max"]["default"], "1GiB");
        assert_eq!(route["dependentSchemas"]["writable"]["anyOf"][0]["required"][0], "folder");
        let cors = &site["properties"]["cors"]["anyOf"];
        assert_eq!(cors[0]["const"], false);
        let cors = &cors[1];
        assert_eq!(cors["required"][0], "origins");
        assert_eq!(cors["additionalProperties"], false);
        for row in crate::keys::Route::SCOPE.keys() {
            assert!(route["properties"][row.name].is_object(), "{}", row.name);
        }
    }

    #[test]
    fn defaults_are_values_in_json_as_well() {
        for row in crate::keys::scopes().iter().flat_map(Scope::keys) {
            if let Absent::Default(value) = row.absent {
                assert!(serde_json::from_str::<Value>(value).is_ok(), "{}: {value}", row.name);
            }
        }
    }
}
