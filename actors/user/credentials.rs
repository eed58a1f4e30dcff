//! What a person types to sign up or in, parsed once: e-mail address, password, display name.

use std::fmt;

/// Why a text is refused; a sentence for the person who typed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub &'static str);

/// An e-mail address in lower case, at most 254 bytes (RFC 5321 §4.5.3.1).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// Parses loosely: something before one `@`, something after it, nothing invisible. Whether mail arrives there
    /// only mail can tell.
    ///
    /// # Errors
    /// [`Refused`] with what would be right.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        const SHAPE: Refused = Refused("must be an e-mail address such as mia@example.org, at most 254 characters");
        let text = text.trim();
        let (local, domain) = text.split_once('@').ok_or(SHAPE)?;
        let clean = text.chars().all(|letter| !letter.is_whitespace() && !letter.is_control());
        if text.len() > 254
            || local.is_empty()
            || local.len() > 64
            || domain.is_empty()
            || domain.contains('@')
            || !clean
        {
            return Err(SHAPE);
        }
        Ok(Self(text.to_lowercase()))
    }
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)") // an address is personal: it never reaches a log by accident
    }
}

/// A password that the policy allows. Never printed.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// Fewest characters (NIST SP 800-63B §5.1.1).
    pub const CHARS_MIN: usize = 8;
    /// Most characters: more only costs hashing time.
    pub const CHARS_MAX: usize = 128;

    /// A new password, checked against the policy: long enough and not the address itself. No rules about kinds of
    /// characters, which make passwords worse (ibid.).
    ///
    /// # Errors
    /// [`Refused`] with what would be right.
    pub fn choose(text: &str, email: &Email) -> Result<Self, Refused> {
        let password = Self::long_enough(text)?;
        if text.eq_ignore_ascii_case(email.as_str()) || text.chars().all(|letter| text.starts_with(letter)) {
            return Err(Refused("must not be the e-mail address or one character repeated"));
        }
        Ok(password)
    }
    /// A new password for an address that is none itself: what can be said without it.
    ///
    /// # Errors
    /// [`Refused`] with what would be right.
    pub fn long_enough(text: &str) -> Result<Self, Refused> {
        let password = Self::typed(text)?;
        if text.chars().count() < Self::CHARS_MIN {
            return Err(Refused("must have at least 8 characters"));
        }
        Ok(password)
    }
    /// A password typed to sign in: only its length is limited.
    ///
    /// # Errors
    /// [`Refused`] when it is empty or longer than any password can be.
    pub fn typed(text: &str) -> Result<Self, Refused> {
        match text.chars().count() {
            0 => Err(Refused("must not be empty")),
            1..=Self::CHARS_MAX => Ok(Self(text.to_owned())),
            _ => Err(Refused("must have at most 128 characters")),
        }
    }
    /// The secret, for the hasher only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// How a person wants to be called: 1 to 80 characters.
#[derive(Clone, PartialEq, Eq)]
pub struct DisplayName(String);

impl DisplayName {
    /// Parses a name.
    ///
    /// # Errors
    /// [`Refused`] with what would be right.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let text = text.trim();
        match text.chars().count() {
            1..=80 if !text.chars().any(char::is_control) => Ok(Self(text.to_owned())),
            _ => Err(Refused("must have 1 to 80 characters")),
        }
    }
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl fmt::Debug for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DisplayName(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_whatever_its_case() {
        assert_eq!(Email::parse(" Mia@Example.org ").unwrap(), Email::parse("mia@example.org").unwrap());
    }

    #[test]
    fn refuses_what_is_no_address() {
        for text in ["", "mia", "@example.org", "mia@", "mia@a@b", "mi a@example.org", "mia@exa\u{0}mple.org"] {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn refuses_weak_passwords_and_says_why() {
        let email = Email::parse("mia@example.org").unwrap();
        for text in ["", "short", "aaaaaaaaaaaa", "MIA@example.org", &"x".repeat(129)] {
            assert!(!Password::choose(text, &email).unwrap_err().0.is_empty(), "{text:?}");
        }
        assert!(Password::choose("correct horse", &email).is_ok());
    }
}
