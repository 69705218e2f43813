//! `/openapi.json` says what the relay does.

use crate::world::*;
use reqwest::{Client, Method};
use sealwire_wire::contract::ErrorCode;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// The document of a relay.
pub(crate) async fn document(base: &str) -> Value {
    let answer = Client::new().get(format!("{base}/openapi.json"));
    ok(answer.send().await.unwrap()).await
}

/// A Python program that `cargo xtask test --full` installed.
pub(crate) fn tool(name: &str) -> PathBuf {
    let folder = std::env::var_os("OPENAPI_TOOLS").expect("OPENAPI_TOOLS is the programs' folder");
    Path::new(&folder).join(name)
}

#[tokio::test]
#[ignore = "needs openapi-spec-validator: cargo xtask test --full"]
async fn the_document_is_valid_openapi() {
    let relay = relay().await;
    let file = tempfile::NamedTempFile::with_suffix(".json").unwrap();
    std::fs::write(file.path(), document(relay.url()).await.to_string()).unwrap();
    let status = Command::new(tool("openapi-spec-validator"))
        .args(["--schema", "3.1"])
        .arg(file.path())
        .status();
    assert!(status.await.unwrap().success());
}

/// Each operation of the document: method, path, and what it says.
pub(crate) fn operations(document: &Value) -> Vec<(Method, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().unwrap();
        item.iter().map(move |(method, operation)| {
            let method = method.to_uppercase().parse().unwrap();
            (method, path.clone(), operation.clone())
        })
    });
    all.collect()
}

#[tokio::test]
async fn the_document_refers_to_nothing_that_it_lacks_and_names_each_operation_once() {
    fn look(value: &Value, document: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    let there = document.pointer(reference.strip_prefix('#').unwrap());
                    assert!(there.is_some(), "{reference}");
                }
                fields.values().for_each(|field| look(field, document));
            }
            Value::Array(items) => items.iter().for_each(|item| look(item, document)),
            _ => {}
        }
    }
    let relay = relay().await;
    let document = document(relay.url()).await;
    look(&document, &document);
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap().to_owned();
        assert!(ids.insert(id), "{method} {path}");
        assert!(!operation["summary"].as_str().unwrap().is_empty());
        assert!(!operation["tags"][0].as_str().unwrap().is_empty());
        let names = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let parameters = operation["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let described = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "path");
        let described: Vec<_> = described
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        assert_eq!(described, names.collect::<Vec<_>>(), "{method} {path}");
    }
    assert!(ids.len() > 30);
}

#[tokio::test]
async fn every_error_code_is_in_the_document_and_no_other() {
    let relay = relay().await;
    let document = document(relay.url()).await;
    assert_eq!(document["openapi"], "3.1.0");
    let codes = &document["components"]["schemas"]["ErrorCode"]["enum"];
    let all: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(*codes, serde_json::to_value(all).unwrap());
}
