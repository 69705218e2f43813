//! What a handler answers, read from its type.

use super::Operation;
use crate::service::Answer;
use axum::Json;
use axum::response::Response;
use http::StatusCode;
use utoipa::ToSchema;

/// An answer that says what it is.
pub(in crate::api) trait Output {
    fn describe(operation: &mut Operation);
}

/// A handler, by what it answers; `Inputs` are its extractors as axum counts them.
pub(in crate::api) trait Answers<Inputs> {
    type Output: Output;
}

impl<T: Output> Output for Answer<T> {
    fn describe(operation: &mut Operation) {
        T::describe(operation);
    }
}

impl<T: ToSchema> Output for Json<T> {
    fn describe(operation: &mut Operation) {
        operation.answer::<T>();
        operation.status_unless_said(200);
    }
}

impl<T: ToSchema> Output for (StatusCode, Json<T>) {
    fn describe(operation: &mut Operation) {
        operation.answer::<T>();
        operation.status_unless_said(201);
    }
}

impl Output for StatusCode {
    fn describe(operation: &mut Operation) {
        operation.status_unless_said(204);
    }
}

/// Whose type says nothing: the registration does.
impl Output for Response {
    fn describe(operation: &mut Operation) {
        operation.status_unless_said(200);
    }
}

macro_rules! handlers {
    ($($input:ident)*) => {
        impl<Function, Pending, Kind, $($input,)* Given> Answers<(Kind, $($input,)*)> for Function
        where
            Function: Fn($($input),*) -> Pending,
            Pending: Future<Output = Given>,
            Given: Output,
        {
            type Output = Given;
        }
    };
}
handlers!();
handlers!(A);
handlers!(A B);
handlers!(A B C);
handlers!(A B C D);
handlers!(A B C D E);
handlers!(A B C D E F);
handlers!(A B C D E F G);
