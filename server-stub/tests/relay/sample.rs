//! Requests made of the OpenAPI document: the least that fits it, for whatever route there is.

use crate::openapi::operations;
use crate::world::Device;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// A route, and the least request that fits it.
pub(crate) struct Sample {
    pub(crate) method: Method,
    /// With its placeholders.
    pub(crate) route: String,
    /// With something in them.
    pub(crate) path: String,
    /// If it takes JSON.
    pub(crate) body: Option<Value>,
    pub(crate) operation: Value,
    /// Of its body.
    pub(crate) schema: Option<Value>,
}

/// One for each operation of the document; `thread` stands in paths.
pub(crate) fn samples(document: &Value, thread: &str) -> Vec<Sample> {
    let all = operations(document).into_iter();
    let samples = all.map(|(method, route, operation)| {
        let parameters = operation["parameters"].as_array().cloned();
        let mut path = route.clone();
        let mut query = Vec::new();
        for parameter in parameters.unwrap_or_default() {
            let name = parameter["name"].as_str().unwrap();
            let mut value = plain(&least(&parameter["schema"], document));
            if route.starts_with("/v1/threads/{id}") && name == "id" {
                thread.clone_into(&mut value);
            }
            match parameter["in"].as_str().unwrap() {
                "path" => path = path.replace(&format!("{{{name}}}"), &value),
                "query" if parameter["required"] == true => query.push(format!("{name}={value}")),
                _ => {}
            }
        }
        if !query.is_empty() {
            path = format!("{path}?{}", query.join("&"));
        }
        let content = &operation["requestBody"]["content"]["application/json"]["schema"];
        let schema = content
            .is_object()
            .then(|| resolved(content, document).clone());
        Sample {
            method,
            route,
            path,
            body: schema.as_ref().map(|schema| least(schema, document)),
            operation,
            schema,
        }
    });
    samples.collect()
}

impl Sample {
    /// The request, without its body.
    pub(crate) fn ask(&self, device: &Device) -> RequestBuilder {
        let url = format!("{}{}", device.base, self.path);
        let request = device.http.request(self.method.clone(), url);
        let request = if self.takes("device") {
            request.bearer_auth(&device.token)
        } else {
            request
        };
        // Each its own: a repeat would be answered from memory.
        let mut key = [0; 8];
        getrandom::fill(&mut key).unwrap();
        request.header("idempotency-key", format!("{:x}", u64::from_le_bytes(key)))
    }

    /// The request.
    pub(crate) fn ask_whole(&self, device: &Device) -> RequestBuilder {
        match &self.body {
            Some(body) => self.ask(device).json(body),
            None => self.ask(device),
        }
    }

    /// Whether a token of this scheme opens it.
    pub(crate) fn takes(&self, scheme: &str) -> bool {
        self.requirement(scheme).is_some()
    }

    /// The scopes that a device's token needs.
    pub(crate) fn scopes(&self) -> Vec<String> {
        let scopes = self.requirement("device").unwrap_or_default();
        serde_json::from_value(scopes).unwrap_or_default()
    }

    fn requirement(&self, scheme: &str) -> Option<Value> {
        let ways = self.operation["security"].as_array()?;
        ways.iter().find_map(|way| way.get(scheme).cloned())
    }

    /// The fields that its body has to have.
    pub(crate) fn required(&self) -> Vec<String> {
        let schema = self.schema.clone().unwrap_or_default();
        serde_json::from_value(schema["required"].clone()).unwrap_or_default()
    }
}

fn resolved<'a>(schema: &'a Value, document: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).unwrap(),
        None => schema,
    }
}

/// The least value that fits a schema.
pub(crate) fn least(schema: &Value, document: &Value) -> Value {
    let schema = resolved(schema, document);
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    for ways in ["oneOf", "anyOf"] {
        if let Some(first) = schema[ways].get(0) {
            return least(first, document);
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let mut all = serde_json::Map::new();
        for part in parts {
            all.extend(
                least(part, document)
                    .as_object()
                    .cloned()
                    .unwrap_or_default(),
            );
        }
        return Value::Object(all);
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds[0].as_str().unwrap(),
        kind => kind.as_str().unwrap_or("object"),
    };
    match kind {
        "integer" | "number" => json!(schema["minimum"].as_u64().unwrap_or(0).max(1)),
        "boolean" => json!(false),
        "array" => json!([]),
        "string" => json!(least_text(schema["pattern"].as_str().unwrap_or_default())),
        _ => {
            let required: Vec<String> =
                serde_json::from_value(schema["required"].clone()).unwrap_or_default();
            let fields = required.into_iter().map(|name| {
                let value = least(&schema["properties"][&name], document);
                (name, value)
            });
            Value::Object(fields.collect())
        }
    }
}

/// A text for each pattern of the contract's ids and bytes.
fn least_text(pattern: &str) -> String {
    let fits = [
        "bob",
        "00000000-0000-0000-0000-000000000000",
        "00000000000000000000000000",
        "AAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ];
    let one = match pattern {
        pattern if pattern.contains("{8}-") => fits[1],
        pattern if pattern.contains("[0-7]") => fits[2],
        pattern if pattern.contains("{42}") => fits[4],
        pattern if pattern.contains("==") => "AAAA",
        pattern if pattern.contains("{22}") => fits[3],
        "" => fits[3],
        _ => fits[0],
    };
    one.to_owned()
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
