//! Tells cargo that a migration added or changed means a new build: the macro that embeds them cannot.
fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
