#include "arp.h"

#include <algorithm>
#include <iterator>

namespace holdfast::wire {

namespace {

constexpr uint8_t kEtherTypeArp[] = {0x08, 0x06};
constexpr uint8_t kEthernetIpv4[] = {0x00, 0x01, 0x08, 0x00, 6, 4}; /* hardware, protocol, and their lengths */
constexpr size_t kArpBytes = 42; /* with the header of Ethernet */

struct Fields {
  const Mac& to;
  ArpForm form;
  const Mac& sender_mac;
  const Ipv4& sender;
  const Mac& target_mac;
  const Ipv4& target;
};

ArpFrame Build(const Fields& fields) {
  ArpFrame frame{};
  auto at = frame.begin();
  const auto put = [&at](const auto& bytes) { at = std::copy(std::begin(bytes), std::end(bytes), at); };
  const uint8_t operation[] = {0, static_cast<uint8_t>(fields.form)};
  put(fields.to);
  put(fields.sender_mac);
  put(kEtherTypeArp);
  put(kEthernetIpv4);
  put(operation);
  put(fields.sender_mac);
  put(fields.sender);
  put(fields.target_mac);
  put(fields.target);
  return frame;
}

}  // namespace

ArpFrame BuildAnnouncement(ArpForm form, const Mac& mac, const Ipv4& address, const Mac& to) {
  return Build({to, form, mac, address, form == ArpForm::kReply ? mac : Mac{}, address});
}

ArpFrame BuildArpProbe(const Mac& mac, const Ipv4& address) { return BuildArpQuestion(mac, {}, address); }

ArpFrame BuildArpQuestion(const Mac& mac, const Ipv4& sender, const Ipv4& address) {
  return Build({kBroadcast, ArpForm::kRequest, mac, sender, {}, address});
}

ArpFrame BuildArpAnswer(const Mac& mac, const ArpMessage& request) {
  return Build({request.sender_mac, ArpForm::kReply, mac, request.target, request.sender_mac, request.sender});
}

bool ParseArp(Bytes frame, ArpMessage& out) {
  if (frame.size() < kArpBytes) return false;
  const auto has = [&](size_t at, const auto& bytes) {
    return std::equal(std::begin(bytes), std::end(bytes), frame.begin() + static_cast<ptrdiff_t>(at));
  };
  if (!has(12, kEtherTypeArp) || !has(14, kEthernetIpv4)) return false;
  const uint8_t operation = frame[21];
  if (frame[20] != 0 || (operation != 1 && operation != 2)) return false;
  out.form = static_cast<ArpForm>(operation);
  ReadFront(frame.subspan(22), out.sender_mac);
  ReadFront(frame.subspan(28), out.sender);
  ReadFront(frame.subspan(38), out.target);
  return IsHost(out.sender_mac);
}

}  // namespace holdfast::wire
