#include "lan_table.h"

#include <algorithm>

namespace holdfast::wire {

namespace {

constexpr int64_t kGraceMs = 1000;

/* arp_ignore() in net/ipv4/arp.c, as far as it can be told without the kernel's address lists. Where that is not sure, a second
 * answer that says the same does less harm than none. */
bool KernelAnswers(LanTable::ArpIgnore arp_ignore, bool on_link) {
  return arp_ignore == 0 || ((arp_ignore == 1 || arp_ignore == 3) && on_link);
}

}  // namespace

void LanTable::Own(std::span<const IpAddress> addresses, bool on_link, const Moment& now) {
  /* Whatever is being heard just now may have arrived before: only after the next time that all was heard, what is heard is new. */
  const Moment since{now.ms, now.drains + 1};
  for (const IpAddress& address : addresses) owned_.insert_or_assign(address, Owned{since, on_link});
}

void LanTable::Disown(std::span<const IpAddress> addresses) {
  for (const IpAddress& address : addresses) {
    owned_.erase(address);
    sightings_.erase({Sighting::kRival, address});
    sightings_.erase({Sighting::kProber, address});
  }
}

void LanTable::Seek(std::span<const IpAddress> addresses) { sought_.insert(addresses.begin(), addresses.end()); }

void LanTable::Forsake(std::span<const IpAddress> addresses) {
  for (const IpAddress& address : addresses) sought_.erase(address);
}

Answer LanTable::Hear(Bytes frame, const Moment& now, ArpIgnore arp_ignore) {
  if (ArpMessage arp; ParseArp(frame, arp)) return Hear(arp, now, arp_ignore);
  if (NdpMessage ndp; ParseNdp(frame, ndp)) return Hear(ndp, now);
  return {};
}

Answer LanTable::Hear(const ArpMessage& arp, const Moment& now, ArpIgnore arp_ignore) {
  if (arp.sender_mac == mac_) return {};
  const bool probe = arp.sender == Ipv4{};
  if (!probe) HearClaim(Mapped(arp.sender), arp.sender_mac, now);
  if (probe && arp.form == ArpForm::kRequest) HearProbe(Mapped(arp.target), arp.sender_mac);
  const auto asked = owned_.find(Mapped(arp.target));
  if (arp.form != ArpForm::kRequest || arp.target == arp.sender || asked == owned_.end()) return {};
  if (KernelAnswers(arp_ignore, asked->second.on_link)) return {};
  return BuildArpAnswer(mac_, arp);
}

Answer LanTable::Hear(const NdpMessage& ndp, const Moment& now) {
  const Mac& sender = ndp.link_layer.value_or(ndp.from);
  if (ndp.from == mac_ || sender == mac_ || !IsHost(sender) || IsIpv4(ndp.target) || IsIpv4(ndp.source)) return {};
  if (ndp.type == NdpType::kAdvertisement) {
    HearClaim(ndp.target, sender, now);
    return {};
  }
  const bool probe = ndp.source == IpAddress{};
  if (probe)
    HearProbe(ndp.target, sender);
  else
    HearClaim(ndp.source, sender, now);
  const auto asked = owned_.find(ndp.target);
  if (asked == owned_.end()) return {};
  if (asked->second.on_link) return {};
  return BuildNdpAnswer(mac_, ndp);
}

void LanTable::HearClaim(const IpAddress& address, const Mac& mac, const Moment& now) {
  if (sought_.contains(address)) See(Sighting::kAnswerer, address, mac);
  const auto ours = owned_.find(address);
  if (ours == owned_.end()) return;
  const Moment& since = ours->second.since;
  if (now.ms - since.ms < kGraceMs || static_cast<int32_t>(now.drains - since.drains) < 0) return;
  See(Sighting::kRival, address, mac);
}

void LanTable::HearProbe(const IpAddress& address, const Mac& mac) {
  if (owned_.contains(address) || sought_.contains(address)) See(Sighting::kProber, address, mac);
}

void LanTable::See(Sighting::Kind kind, const IpAddress& address, const Mac& mac) {
  Sighting& sighting = sightings_.try_emplace({kind, address}, Sighting{0, address, mac, kind, 0}).first->second;
  sighting.mac = kind == Sighting::kProber ? std::min(sighting.mac, mac) : mac;
  if (sighting.count < UINT32_MAX) sighting.count++;
}

std::vector<Sighting> LanTable::Take(size_t most) {
  std::vector<Sighting> taken;
  while (taken.size() < most && !sightings_.empty()) {
    auto next = sightings_.upper_bound(last_taken_);
    if (next == sightings_.end()) next = sightings_.begin();
    last_taken_ = next->first;
    taken.push_back(next->second);
    sightings_.erase(next);
  }
  return taken;
}

}  // namespace holdfast::wire
