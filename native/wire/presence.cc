#include "presence.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace holdfast::wire {

namespace {

bool Before(const AddressRecord& a, const AddressRecord& b) { return CompareAddress(a, b) < 0; }

}  // namespace

Presence::Presence(std::vector<AddressRecord> found) : found_(std::move(found)) { std::ranges::sort(found_, Before); }

std::span<const AddressRecord> Presence::PlacesOf(const AddressRecord& record) const {
  const auto [first, end] = std::equal_range(found_.begin(), found_.end(), record, Before);
  return {first, end};
}

bool IsOurs(const AddressRecord& found, uint8_t tag, bool keeps_tags) {
  if (found.protocol == tag) return true;
  return !keeps_tags && found.protocol == 0 && (found.flags & kFlagAlias) != 0;
}

std::optional<int32_t> JudgeAdd(const Presence& presence, const AddressRecord& record, uint8_t tag,
                                bool keeps_tags) {
  const auto places = presence.PlacesOf(record);
  if (places.empty()) return std::nullopt;
  const bool there = places.size() == 1 && SamePlace(places[0], record) && IsOurs(places[0], tag, keeps_tags);
  return there ? 0 : -EEXIST;
}

std::optional<int32_t> JudgeRemove(const Presence& presence, const AddressRecord& record, uint8_t tag,
                                   bool keeps_tags) {
  bool is_foreign = false;
  for (const AddressRecord& place : presence.PlacesOf(record)) {
    if (!SamePlace(place, record)) continue;
    if (IsOurs(place, tag, keeps_tags)) return std::nullopt;
    is_foreign = true;
  }
  return is_foreign ? std::optional<int32_t>(-EPERM) : std::nullopt;
}

std::optional<int32_t> JudgeExtend(const Presence& presence, const AddressRecord& record, uint8_t tag) {
  const auto places = presence.PlacesOf(record);
  const bool ours = places.size() == 1 && !IsRoute(record) && SamePlace(places[0], record) && places[0].protocol == tag;
  return ours ? std::nullopt : std::optional<int32_t>(-EADDRNOTAVAIL);
}

std::string Describe(const AddressRecord& record) {
  char text[INET6_ADDRSTRLEN] = "?";
  inet_ntop(record.family == 4 ? AF_INET : AF_INET6, record.address, text, sizeof text);
  return std::string(text) + "/" + std::to_string(record.prefix) + " on interface " + std::to_string(record.ifindex) +
         (record.protocol == 0 ? "" : " with protocol " + std::to_string(record.protocol));
}

}  // namespace holdfast::wire
