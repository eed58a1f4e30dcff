//! The door to `jsonwebtoken`: makes and checks access tokens (EdDSA, five minutes, identifiers only).
//! What a person may do is not in the token; it is looked up, so that a role taken away is gone within seconds.

use std::{path::Path, sync::Arc};

use foodcourt_actors::{ids::UserId, time::Clock};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation,
    crypto::aws_lc,
    jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash},
};
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// How long an access token may be good at most, seconds.
pub const ACCESS_TOKEN_S: i64 = 300;
/// How far two clocks may differ, seconds.
const LEEWAY_S: i64 = 5;
/// Longer texts are no token of ours (they are about 500 bytes).
const TOKEN_BYTES_MAX: usize = 2_048;
/// Verified tokens kept so that the signature is checked once (about 200 bytes each).
const VERIFIED_TOKENS_MAX: u64 = 100_000;
/// What comes before the 32 secret bytes in an Ed25519 key of PKCS#8 version 1 (RFC 8410 §7).
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// What an access token says. Every claim is required.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who made it.
    pub iss: String,
    /// For whom it is.
    pub aud: String,
    /// Good until, seconds since the epoch.
    pub exp: i64,
    /// Good from, seconds since the epoch.
    pub nbf: i64,
    /// Made at, seconds since the epoch.
    pub iat: i64,
    /// The account.
    pub sub: UserId,
    /// This token.
    pub jti: Uuid,
    /// `access`.
    pub typ: String,
    /// The session (family of refresh tokens) it belongs to.
    pub sid: Uuid,
}

/// Why a text is no valid access token. Clients are told only that it is not.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TokenError {
    /// Not shaped, signed or filled as ours are.
    #[error("not an access token of this server")]
    Invalid,
    /// Its time is over, or has not come.
    #[error("the access token has expired")]
    Expired,
}

/// Why the signing key could not be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("the signing key {path} cannot be read or written")]
    File {
        /// Which file.
        path: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The key is no Ed25519 key in PKCS#8.
    #[error("the signing key is not an Ed25519 private key (32 bytes, base64)")]
    Malformed,
    /// The self-test failed: the crypto provider does not work.
    #[error("the crypto provider failed its self-test")]
    SelfTest,
}

/// The secret half of the signing key.
pub struct SigningKey([u8; 32]);

impl SigningKey {
    /// Reads the key from `path`, or makes one there (mode 0600) at the first start.
    ///
    /// # Errors
    /// [`KeyError`] when the file cannot be used.
    pub fn at(path: &Path) -> Result<Self, KeyError> {
        use std::io::Write as _;
        let failed = |source| KeyError::File { path: path.display().to_string(), source };
        match std::fs::read_to_string(path) {
            Ok(text) => Self::from_base64(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let key = Self::generate();
                let mut options = std::fs::OpenOptions::new();
                options.write(true).create_new(true);
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                let mut file = options.open(path).map_err(failed)?;
                file.write_all(base64_of(&key.0).as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
                Ok(key)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// From base64 of the 32 secret bytes, as configuration carries it.
    ///
    /// # Errors
    /// [`KeyError::Malformed`].
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let bytes = STANDARD.decode(text.trim()).map_err(|_| KeyError::Malformed)?;
        Ok(Self(bytes.try_into().map_err(|_| KeyError::Malformed)?))
    }

    /// A fresh key from the system's randomness.
    #[must_use]
    pub fn generate() -> Self {
        Self(secret_bytes())
    }
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(bytes)
}

/// 32 bytes of the system's randomness, for secrets.
#[must_use]
pub fn secret_bytes() -> [u8; 32] {
    use rand::{TryRngCore as _, rngs::OsRng};
    let mut bytes = [0; 32];
    OsRng.try_fill_bytes(&mut bytes).expect("the system has randomness: without it nothing here is safe");
    bytes
}

/// Makes and checks access tokens. Cheap to clone.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    life_s: i64,
    issuer: String,
    kid: String,
    signing: EncodingKey,
    verifying: DecodingKey,
    jwks: JwkSet,
    validation: Validation,
    wall: Arc<dyn Clock>,
    verified: Cache<[u8; 32], Arc<Claims>>,
}

impl Tokens {
    /// Tokens of `issuer` (also their audience), signed with `key`, good for `life_s` seconds (at most
    /// [`ACCESS_TOKEN_S`]). Installs the crypto provider and tests it.
    ///
    /// # Errors
    /// [`KeyError::SelfTest`] when a token made here is not accepted here.
    pub fn new(key: &SigningKey, issuer: &str, life_s: i64, wall: Arc<dyn Clock>) -> Result<Self, KeyError> {
        // Only the first call of a process installs it; later ones find the same provider in place.
        let _already = aws_lc::DEFAULT_PROVIDER.install_default();
        let der = [PKCS8_PREFIX.as_slice(), &key.0].concat();
        let signing = EncodingKey::from_ed_der(&der);
        let mut jwk = Jwk::from_encoding_key(&signing, Algorithm::EdDSA).map_err(|_| KeyError::Malformed)?;
        let kid = jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_| KeyError::SelfTest)?;
        jwk.common.key_id = Some(kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let verifying = DecodingKey::from_jwk(&jwk).map_err(|_| KeyError::SelfTest)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
        validation.set_audience(&[issuer]);
        validation.set_issuer(&[issuer]);
        // Times are checked here against the injected clock, on every use and not only at the first.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let tokens = Self(Arc::new(Inner {
            life_s: life_s.clamp(1, ACCESS_TOKEN_S),
            issuer: issuer.to_owned(),
            kid,
            signing,
            verifying,
            jwks: JwkSet { keys: vec![jwk] },
            validation,
            wall,
            verified: Cache::new(VERIFIED_TOKENS_MAX),
        }));
        let probe = tokens.issue(UserId(Uuid::nil()), Uuid::nil(), Uuid::nil());
        tokens.check(&probe).map_err(|_| KeyError::SelfTest)?;
        Ok(tokens)
    }

    /// How long a token is good, seconds.
    #[must_use]
    pub fn life_s(&self) -> i64 {
        self.0.life_s
    }

    /// A token for `user` in session `session`.
    #[must_use]
    pub fn issue(&self, user: UserId, session: Uuid, jti: Uuid) -> String {
        let now = self.now_s();
        let claims = Claims {
            iss: self.0.issuer.clone(),
            aud: self.0.issuer.clone(),
            exp: now + self.0.life_s,
            nbf: now,
            iat: now,
            sub: user,
            jti,
            typ: "access".to_owned(),
            sid: session,
        };
        let header = Header { kid: Some(self.0.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, &self.0.signing).expect("plain claims and a tested key always sign")
    }

    /// What a valid token says. `jku`, `x5u` and `jwk` in its header are never looked at.
    ///
    /// # Errors
    /// [`TokenError`]; which one is for logs, not for the client.
    pub fn check(&self, token: &str) -> Result<Arc<Claims>, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Invalid);
        }
        let hash: [u8; 32] = Sha256::digest(token).into();
        let claims = match self.0.verified.get(&hash) {
            Some(claims) => claims,
            None => {
                let claims = Arc::new(self.verify(token)?);
                self.0.verified.insert(hash, Arc::clone(&claims));
                claims
            }
        };
        let now = self.now_s();
        if now >= claims.exp + LEEWAY_S {
            self.0.verified.invalidate(&hash);
            return Err(TokenError::Expired);
        }
        if now < claims.nbf - LEEWAY_S { Err(TokenError::Expired) } else { Ok(claims) }
    }

    fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        if header.kid.as_deref() != Some(&self.0.kid) || header.crit.is_some() {
            return Err(TokenError::Invalid);
        }
        let data = jsonwebtoken::decode::<Claims>(token, &self.0.verifying, &self.0.validation)
            .map_err(|_| TokenError::Invalid)?;
        let claims = data.claims;
        if claims.typ == "access" && claims.exp - claims.iat <= ACCESS_TOKEN_S {
            Ok(claims)
        } else {
            Err(TokenError::Invalid)
        }
    }

    /// The public keys as a JWKS (RFC 7517), for others who check our tokens.
    #[must_use]
    pub fn jwks(&self) -> serde_json::Value {
        serde_json::to_value(&self.0.jwks).expect("a key set is plain data")
    }

    fn now_s(&self) -> i64 {
        self.0.wall.now().as_micros() / 1_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use foodcourt_actors::time::Timestamp;
    use std::{
        sync::atomic::{AtomicI64, Ordering},
        time::Duration,
    };

    struct Wall(AtomicI64);
    impl Clock for Wall {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(self.0.load(Ordering::SeqCst) * 1_000_000)
        }
        fn wall_until(&self, _at: Timestamp) -> Duration {
            Duration::ZERO
        }
    }

    fn setup() -> (Tokens, Arc<Wall>, EncodingKey) {
        let wall = Arc::new(Wall(AtomicI64::new(1_800_000_000)));
        let key = SigningKey([7; 32]);
        let signing = EncodingKey::from_ed_der(&[PKCS8_PREFIX.as_slice(), &key.0].concat());
        (
            Tokens::new(&key, "foodcourt", ACCESS_TOKEN_S, Arc::<Wall>::clone(&wall) as Arc<dyn Clock>).unwrap(),
            wall,
            signing,
        )
    }

    fn claims(tokens: &Tokens) -> serde_json::Value {
        let token = tokens.issue(UserId(Uuid::from_u128(1)), Uuid::from_u128(2), Uuid::from_u128(3));
        serde_json::to_value(&*tokens.check(&token).unwrap()).unwrap()
    }

    #[test]
    fn accepts_what_it_made_until_it_expires() {
        let (tokens, wall, _) = setup();
        let token = tokens.issue(UserId(Uuid::from_u128(1)), Uuid::from_u128(2), Uuid::from_u128(3));
        assert_eq!(tokens.check(&token).unwrap().sid, Uuid::from_u128(2));
        wall.0.fetch_add(ACCESS_TOKEN_S + LEEWAY_S - 1, Ordering::SeqCst);
        assert!(tokens.check(&token).is_ok());
        wall.0.fetch_add(1, Ordering::SeqCst);
        assert_eq!(tokens.check(&token), Err(TokenError::Expired));
    }

    #[test]
    fn refuses_a_token_without_any_one_of_its_claims() {
        let (tokens, _, signing) = setup();
        let whole = claims(&tokens);
        let header = Header { kid: Some(tokens.0.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        assert!(tokens.check(&jsonwebtoken::encode(&header, &whole, &signing).unwrap()).is_ok());
        for claim in ["iss", "aud", "exp", "nbf", "iat", "sub", "jti", "typ", "sid"] {
            let mut less = whole.clone();
            less.as_object_mut().unwrap().remove(claim);
            let token = jsonwebtoken::encode(&header, &less, &signing).unwrap();
            assert_eq!(tokens.check(&token), Err(TokenError::Invalid), "without {claim}");
        }
    }

    #[test]
    fn refuses_other_keys_issuers_kinds_and_algorithms() {
        let (tokens, _, signing) = setup();
        let whole = claims(&tokens);
        let header = Header { kid: Some(tokens.0.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        let other = EncodingKey::from_ed_der(&[PKCS8_PREFIX.as_slice(), &[8; 32]].concat());
        let unknown_kid = Header { kid: Some("x".into()), ..header.clone() };
        let hmac = Header { kid: Some(tokens.0.kid.clone()), ..Header::new(Algorithm::HS256) };
        let mut bad = vec![
            jsonwebtoken::encode(&header, &whole, &other).unwrap(),
            jsonwebtoken::encode(&unknown_kid, &whole, &signing).unwrap(),
            jsonwebtoken::encode(&hmac, &whole, &EncodingKey::from_secret(&[7; 32])).unwrap(),
        ];
        for (claim, value) in [("iss", "x"), ("aud", "x"), ("typ", "refresh")] {
            let mut changed = whole.clone();
            changed[claim] = value.into();
            bad.push(jsonwebtoken::encode(&header, &changed, &signing).unwrap());
        }
        let none = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"none","kid":"{}"}}"#, tokens.0.kid));
        bad.push(format!("{none}.{}.", URL_SAFE_NO_PAD.encode(whole.to_string())));
        for token in bad {
            assert_eq!(tokens.check(&token), Err(TokenError::Invalid), "{token}");
        }
    }

    #[test]
    fn the_key_file_is_made_once_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signing.key");
        let made = SigningKey::at(&path).unwrap();
        assert_eq!(made.0, SigningKey::at(&path).unwrap().0);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
