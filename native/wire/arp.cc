#include "arp.h"

#include <algorithm>

namespace holdfast::wire {

ArpFrame BuildAnnouncement(ArpForm form, const Mac& mac, const Ipv4& address, const Mac& to) {
  ArpFrame frame{};
  auto at = frame.begin();
  const auto put = [&at](const auto& bytes) { at = std::copy(std::begin(bytes), std::end(bytes), at); };

  constexpr uint8_t kEtherTypeArp[] = {0x08, 0x06};
  constexpr uint8_t kEthernetIpv4[] = {0x00, 0x01, 0x08, 0x00, 6, 4}; /* hardware, protocol, and their lengths */
  const uint8_t operation[] = {0, static_cast<uint8_t>(form)};

  put(to);
  put(mac);
  put(kEtherTypeArp);
  put(kEthernetIpv4);
  put(operation);
  put(mac);
  put(address);
  put(form == ArpForm::kReply ? mac : Mac{});
  put(address);
  return frame;
}

}  // namespace holdfast::wire
