//! `/openapi.json` says what the relay does.

use crate::world::*;
use reqwest::Client;
use sealwire_wire::contract::ErrorCode;
use serde_json::Value;

/// The document of a relay.
pub(crate) async fn document(base: &str) -> Value {
    let answer = Client::new().get(format!("{base}/openapi.json"));
    ok(answer.send().await.unwrap()).await
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
