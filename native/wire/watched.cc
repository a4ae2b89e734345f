#include "watched.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace holdfast::wire {

namespace {

bool SameRecord(const AddressRecord& a, const AddressRecord& b) {
  return SamePlace(a, b) && a.protocol == b.protocol && a.flags == b.flags;
}

/* The least place of an address: where the walk over its places begins. */
AddressRecord FirstPlace(AddressRecord address) {
  address.ifindex = 0;
  address.prefix = 0;
  address.flags = 0;
  return address;
}

}  // namespace

bool ByPlace::operator()(const AddressRecord& a, const AddressRecord& b) const {
  if (const int order = CompareAddress(a, b); order != 0) return order < 0;
  return std::make_tuple(a.ifindex, a.prefix, IsRoute(a)) < std::make_tuple(b.ifindex, b.prefix, IsRoute(b));
}

void Watched::Apply(const AddressChange& change) {
  const AddressRecord& record = change.record;
  const AddressRecord* found = At(record);
  if (found == nullptr && !change.there) return;
  const std::optional<AddressRecord> before = found == nullptr ? std::nullopt : std::optional(*found);
  if (before && change.there && SameRecord(*before, record)) return;

  if (before) addresses_.erase(*before);
  if (change.there) addresses_.insert(record);
  if (before.has_value() != change.there) Count(record, change.there);
  if (change.replaces) {
    for (auto at = addresses_.lower_bound(FirstPlace(record)); at != addresses_.end(); ++at) {
      if (CompareAddress(*at, record) != 0) break;
      stale_ |= IsRoute(*at) && !SamePlace(*at, record);
    }
  }

  const auto [touched, is_new] = touched_.try_emplace(record, before);
  const auto& told = touched->second;
  if (change.there ? told && SameRecord(*told, record) : !told) touched_.erase(touched);
}

void Watched::Apply(const LinkChange& change) {
  const uint32_t index = change.link.index;
  const bool changed = links_.Set(index, change.there ? std::optional(change.link) : std::nullopt);
  if (!changed || change.there) return;
  const auto counts = counts_.find(index);
  stale_ |= counts != counts_.end() && counts->second.routes4 > 0;
}

void Watched::Apply(const NeighbourChange& change) {
  neighbours_.Set(PlaceOf(change.record), change.there ? std::optional(change.record) : std::nullopt);
}

void Watched::Count(const AddressRecord& record, bool there) {
  if (record.family != 4) return;
  Counts& counts = counts_[record.ifindex];
  size_t& count = IsRoute(record) ? counts.routes4 : counts.addresses4;
  count = there ? count + 1 : count - 1;
  stale_ |= !there && !IsRoute(record) && counts.addresses4 == 0 && counts.routes4 > 0;
  if (counts.addresses4 + counts.routes4 == 0) counts_.erase(record.ifindex);
}

std::vector<AddressChange> Watched::Towards(std::vector<AddressRecord> dump) const {
  std::ranges::sort(dump, ByPlace());
  std::vector<AddressChange> changes;
  for (const AddressRecord& known : addresses_)
    if (!std::ranges::binary_search(dump, known, ByPlace())) changes.push_back({false, false, known});
  for (const AddressRecord& found : dump)
    if (const AddressRecord* known = At(found); known == nullptr || !SameRecord(*known, found))
      changes.push_back({true, false, found});
  return changes;
}

std::vector<LinkChange> Watched::Towards(const std::vector<LinkRecord>& dump) const {
  std::vector<LinkChange> changes;
  for (const auto& [index, known] : links_.values())
    if (std::ranges::find(dump, index, &LinkRecord::index) == dump.end()) changes.push_back({false, known});
  for (const LinkRecord& found : dump) changes.push_back({true, found});
  return changes;
}

std::vector<NeighbourChange> Watched::Towards(const std::vector<NeighbourRecord>& dump) const {
  std::set<NeighbourPlace> there;
  for (const NeighbourRecord& found : dump) there.insert(PlaceOf(found));
  std::vector<NeighbourChange> changes;
  for (const auto& [place, known] : neighbours_.values())
    if (!there.contains(place)) changes.push_back({false, known});
  for (const NeighbourRecord& found : dump) changes.push_back({true, found});
  return changes;
}

bool Watched::Has(const AddressRecord& address) const {
  const auto at = addresses_.lower_bound(FirstPlace(address));
  return at != addresses_.end() && CompareAddress(*at, address) == 0;
}

Changes Watched::Take(size_t most) {
  Changes changes;
  auto at = touched_.begin();
  for (size_t i = 0; i < most && at != touched_.end(); i++, ++at) {
    if (at->second) changes.removed.push_back(*at->second);
    if (const AddressRecord* now = At(at->first)) changes.added.push_back(*now);
  }
  touched_.erase(touched_.begin(), at);
  changes.links = links_.Take(SIZE_MAX);
  changes.neighbours = neighbours_.Take(most);
  return changes;
}

void Watched::Forget() {
  touched_.clear();
  links_.Forget();
  neighbours_.Forget();
}

const AddressRecord* Watched::At(const AddressRecord& place) const {
  const auto at = addresses_.find(place);
  return at == addresses_.end() ? nullptr : &*at;
}

}  // namespace holdfast::wire
