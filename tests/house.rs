//! The rules of the house, held over the source text: who may name whom, one door per outside thing, and what a file
//! owes its reader. Each rule is a line in a table with its reason, and carries a planted bad line that it must catch,
//! so that no rule can go blind. Beside them: the documents that must stay true are compared with the code.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "house/dependencies.rs"]
mod dependencies;
#[path = "house/documents.rs"]
mod documents;
#[path = "house/doors.rs"]
mod doors;
#[path = "house/events.rs"]
mod events;
#[path = "house/files.rs"]
mod files;
#[path = "house/imports.rs"]
mod imports;
#[path = "house/source.rs"]
mod source;

/// Fails with every breach on a line of its own.
fn hold(breaches: &[String]) {
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}
