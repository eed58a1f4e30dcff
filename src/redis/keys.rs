//! The names under which things stand in Redis, how long they stay, and the scripts that write them.
//! `docs/cache.md` describes all of it for others who read there; a change here is a change there.

use std::time::Duration;

use foodcourt_actors::ids::{CourtId, KitchenId, OrderId, RiderId};

/// Sorted set for `GEOSEARCH`: riders by place.
pub(super) const RIDERS_GEO: &str = "foodcourt:riders:geo";
/// Sorted set: riders by when they were last heard of, milliseconds of Redis's own clock.
pub(super) const RIDERS_SEEN: &str = "foodcourt:riders:seen";
/// Before a rider's id.
pub(super) const RIDER_PREFIX: &str = "foodcourt:rider:";
/// Channel of positions.
pub(super) const POSITIONS: &str = "foodcourt:positions";

/// A rider silent for so long is forgotten: far longer than a tunnel, short enough to be nobody's diary.
pub(super) const RIDER_TTL: Duration = Duration::from_secs(300);
/// An open order without any news for so long is no longer kept; none lives longer than a day.
pub(super) const OPEN_TTL: Duration = Duration::from_secs(24 * 3_600);
/// An order that has ended stays for those who just watched it.
pub(super) const ENDED_TTL: Duration = Duration::from_secs(600);
/// A card is written anew when it is asked for after that.
pub(super) const MENU_TTL: Duration = Duration::from_secs(3_600);

pub(super) fn rider(id: RiderId) -> String {
    format!("{RIDER_PREFIX}{id}")
}
pub(super) fn order(id: OrderId) -> String {
    format!("foodcourt:order:{id}")
}
pub(super) fn menu(id: KitchenId) -> String {
    format!("foodcourt:menu:{id}")
}
pub(super) fn open_orders(court: CourtId) -> String {
    format!("foodcourt:court:{court}:open_orders")
}

/// Keeps positions unless a newer one is kept, and forgets the silent.
/// KEYS geo, seen; ARGV prefix, seconds to keep, then for each rider: id, then the eight values of its hash.
pub(super) const KEEP_POSITIONS: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local keep = tonumber(ARGV[2])
for at = 3, #ARGV, 9 do
  local id, seq = ARGV[at], ARGV[at + 1]
  local key = ARGV[1] .. id
  local have = redis.call('HGET', key, 'fix_seq')
  if not have or tonumber(have) < tonumber(seq) then
    redis.call('HSET', key, 'fix_seq', seq, 'at', ARGV[at + 2], 'lat', ARGV[at + 3], 'lon', ARGV[at + 4],
      'heading_deg', ARGV[at + 5], 'speed_mps', ARGV[at + 6], 'accuracy_m', ARGV[at + 7], 'seq', ARGV[at + 8])
    redis.call('EXPIRE', key, keep)
    redis.call('ZADD', KEYS[2], now, id)
    redis.pcall('GEOADD', KEYS[1], ARGV[at + 4], ARGV[at + 3], id) -- refuses the poles; nobody rides there
  end
end
local silent = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - keep * 1000, 'LIMIT', 0, 500)
if #silent > 0 then
  redis.call('ZREM', KEYS[1], unpack(silent))
  redis.call('ZREM', KEYS[2], unpack(silent))
end
redis.call('EXPIRE', KEYS[1], keep)
redis.call('EXPIRE', KEYS[2], keep)
return #silent";

/// The fields of a rider's hash, in the order in which the script takes them.
pub(super) const RIDER_FIELDS: [&str; 8] =
    ["fix_seq", "at", "lat", "lon", "heading_deg", "speed_mps", "accuracy_m", "seq"];

/// Keeps a view unless a newer version is kept; answers 1 if it was kept.
/// KEYS view, and for orders the court's open orders; ARGV version, view, milliseconds to keep it, and for orders:
/// id, score (empty once it has ended), seconds to keep the set.
pub(super) const KEEP_VIEW: &str = r"
local have = redis.call('HGET', KEYS[1], 'version')
if have and tonumber(have) > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'view', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
if KEYS[2] then
  if ARGV[5] == '' then
    redis.call('ZREM', KEYS[2], ARGV[4])
  else
    redis.call('ZADD', KEYS[2], ARGV[5], ARGV[4])
    redis.call('EXPIRE', KEYS[2], ARGV[6])
  end
end
return 1";
