//! Refresh tokens: single use, rotated, and what it means when a used one comes back. Pure; the adapter locks the
//! row, asks here, and does what is said in the same transaction.

use std::time::Duration;

use uuid::Uuid;

use crate::{ids::UserId, time::Timestamp};

/// How long a refresh token that nobody uses stays good.
pub const REFRESH_TOKEN_LIFE: Duration = Duration::from_secs(30 * 24 * 3_600);
/// How long after its use a token may come again because the reply was lost: a client's retry, not more.
pub const LOST_REPLY_GRACE: Duration = Duration::from_secs(10);

/// A refresh token as it stands in the database (which knows only its SHA-256).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// Whose.
    pub user_id: UserId,
    /// The session: all tokens that came of one sign-in.
    pub family_id: Uuid,
    /// Good until.
    pub expires_at: Timestamp,
    /// Whether the whole session has been ended.
    pub family_revoked: bool,
    /// What became of it.
    pub state: TokenState,
}

/// What became of a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenState {
    /// Not used yet.
    Live,
    /// Used, and another one given for it.
    Spent {
        /// When.
        at: Timestamp,
        /// Whether the one given for it has been used: then the reply was not lost.
        successor_used: bool,
    },
    /// Another one was given in its place, because the reply that carried it seemed lost.
    Superseded,
}

/// What to do with a presented refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// Spend it and give a new one.
    Rotate,
    /// The reply was lost: give a new one in place of the one that nobody received.
    Replace,
    /// Two parties hold the session's tokens: end it for both.
    RevokeFamily,
    /// Not good (any more), and no sign of theft.
    Refuse,
}

/// What to do with `token`, presented at `now` (wall time).
#[must_use]
pub fn decide_refresh(token: &RefreshToken, now: Timestamp) -> Refresh {
    if token.family_revoked || now >= token.expires_at {
        return Refresh::Refuse;
    }
    match token.state {
        TokenState::Live => Refresh::Rotate,
        TokenState::Spent { at, successor_used: false } if now.since(at) <= LOST_REPLY_GRACE => Refresh::Replace,
        TokenState::Spent { .. } | TokenState::Superseded => Refresh::RevokeFamily,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    fn token(state: TokenState) -> RefreshToken {
        RefreshToken {
            user_id: UserId(Uuid::nil()),
            family_id: Uuid::nil(),
            expires_at: NOW.plus_s(60),
            family_revoked: false,
            state,
        }
    }
    fn spent(seconds_ago: i64, successor_used: bool) -> TokenState {
        TokenState::Spent { at: NOW.plus_s(-seconds_ago), successor_used }
    }

    #[test]
    fn a_live_token_is_rotated() {
        assert_eq!(decide_refresh(&token(TokenState::Live), NOW), Refresh::Rotate);
    }

    #[test]
    fn a_lost_reply_is_made_good_once_and_soon() {
        assert_eq!(decide_refresh(&token(spent(10, false)), NOW), Refresh::Replace);
        assert_eq!(decide_refresh(&token(spent(11, false)), NOW), Refresh::RevokeFamily);
        assert_eq!(decide_refresh(&token(spent(1, true)), NOW), Refresh::RevokeFamily);
    }

    #[test]
    fn a_superseded_token_betrays_a_second_holder() {
        assert_eq!(decide_refresh(&token(TokenState::Superseded), NOW), Refresh::RevokeFamily);
    }

    #[test]
    fn what_has_expired_or_ended_is_refused() {
        let revoked = RefreshToken { family_revoked: true, ..token(TokenState::Live) };
        let expired = RefreshToken { expires_at: NOW, ..token(spent(60, true)) };
        assert_eq!(decide_refresh(&revoked, NOW), Refresh::Refuse);
        assert_eq!(decide_refresh(&expired, NOW), Refresh::Refuse);
    }
}
