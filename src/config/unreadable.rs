//! Settings that cannot be read, in a sentence: which one, where it was set, and which one was probably meant.

use std::fmt::Write as _;

use figment::{
    Figment, Source,
    error::Kind,
    providers::{Format, Toml},
    value::Value,
};

/// A sentence for `error`; `set` are the names of all environment variables.
pub(super) fn sentence(error: &figment::Error, set: &[String]) -> String {
    let mut path = error.path.clone();
    if let Kind::UnknownField(field, _) = &error.kind
        && path.last() != Some(field)
    {
        path.push(field.clone());
    }
    let name = path.join(".");
    let variable = format!("FOODCOURT_{}", path.join("__").to_ascii_uppercase());
    let variable = set.iter().find(|one| one.eq_ignore_ascii_case(&variable));
    let place = match (variable, error.metadata.as_ref().and_then(|from| from.source.as_ref())) {
        (Some(variable), _) => format!(" (environment variable {variable})"),
        (None, Some(Source::File(file))) => format!(" (file {})", file.display()),
        _ => String::new(),
    };
    let mut said = match &error.kind {
        Kind::UnknownField(..) => format!("there is no setting {name}{place}"),
        Kind::MissingField(field) => format!("the setting {field} is missing{place}"),
        Kind::InvalidType(met, wanted) | Kind::InvalidValue(met, wanted) => {
            format!("the setting {name}{place} must be {}, not {met}", words(wanted))
        }
        Kind::UnknownVariant(met, known) => {
            format!("the setting {name}{place} must be one of {}, not {met:?}", known.join(", "))
        }
        other if name.is_empty() => format!("the settings cannot be read{place}: {other}"),
        other => format!("the setting {name}{place} cannot be used: {other}"),
    };
    if matches!(error.kind, Kind::UnknownField(..)) {
        hint(&mut said, &name);
    }
    said
}

fn hint(said: &mut String, name: &str) {
    let known = known();
    let flat = |name: &str| name.replace('.', "_");
    let variable = |name: &str| format!("FOODCOURT_{}", name.replace('.', "__").to_ascii_uppercase());
    let nearest = known.iter().min_by_key(|one| distance(one, name)).filter(|one| distance(one, name) <= 3);
    let meant = match known.iter().find(|one| flat(one) == flat(name)) {
        Some(same) => write!(
            said,
            ": two underscores separate the section from the setting in the environment: {}",
            variable(same)
        ),
        None => match nearest {
            Some(near) => write!(said, ": did you mean {near} ({} in the environment)?", variable(near)),
            None => {
                let mut sections: Vec<_> = known.iter().filter_map(|name| name.split('.').next()).collect();
                sections.dedup();
                write!(said, "; config.toml lists all of them, in the sections {}", sections.join(", "))
            }
        },
    };
    meant.expect("writing to a text cannot fail");
}

/// The settings of config.toml, as `section.name`.
fn known() -> Vec<String> {
    let defaults = Figment::from(Toml::string(super::DEFAULTS)).extract::<figment::value::Dict>().unwrap_or_default();
    let names = |(section, settings): (String, Value)| {
        let settings = settings.into_dict().unwrap_or_default();
        settings.into_keys().map(move |name| format!("{section}.{name}")).collect::<Vec<_>>()
    };
    defaults.into_iter().flat_map(names).collect()
}

fn words(wanted: &str) -> &str {
    match wanted {
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "path string" => "a text",
        "a sequence" => "a list such as [\"…\"]",
        other => other,
    }
}

/// How many letters must be changed, put in or left out to make `left` of `right` (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, letter) in left.chars().enumerate() {
        let mut corner = row[0];
        row[0] = index + 1;
        for (place, other) in right.iter().enumerate() {
            let changed = corner + usize::from(letter != *other);
            corner = row[place + 1];
            row[place + 1] = changed.min(corner + 1).min(row[place] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::{super::Config, *};

    fn said(toml: &str, set: &[&str]) -> String {
        let figment = Figment::from(Toml::string(super::super::DEFAULTS)).merge(Toml::string(toml));
        let set: Vec<_> = set.iter().map(|name| (*name).to_owned()).collect();
        sentence(&figment.extract::<Config>().unwrap_err(), &set)
    }

    #[test]
    fn an_unknown_setting_is_named_with_the_nearest_known_one() {
        let prot = said("[server]\nprot = 1", &["FOODCOURT_SERVER__PROT"]);
        assert_eq!(
            prot,
            "there is no setting server.prot (environment variable FOODCOURT_SERVER__PROT): did you mean server.port \
             (FOODCOURT_SERVER__PORT in the environment)?"
        );
        let sections = said("[nonsense]\nx = 1", &[]);
        assert!(sections.contains("no setting nonsense") && sections.contains("arrivals, auth"), "{sections}");
        assert!(!sections.contains("bench"), "{sections}");
    }

    #[test]
    fn one_underscore_is_told_to_be_two() {
        let one = said("server_port = 1", &["FOODCOURT_SERVER_PORT"]);
        assert!(one.contains("variable FOODCOURT_SERVER_PORT)") && one.ends_with(": FOODCOURT_SERVER__PORT"), "{one}");
    }

    #[test]
    fn a_value_of_another_type_names_what_would_be_right() {
        let port = said("[server]\nport = \"abc\"", &["FOODCOURT_SERVER__PORT"]);
        assert!(
            port.contains("server.port (environment variable FOODCOURT_SERVER__PORT) must be a whole number"),
            "{port}"
        );
    }
}
