#include "ndp.h"

#include <algorithm>
#include <iterator>
#include <tuple>

#include "checksum.h"

namespace holdfast::wire {

namespace {

constexpr size_t kEthernet = 14;
constexpr size_t kIpv6 = 40;
constexpr size_t kNdp = 24; /* up to the options: type, code, checksum, flags, target */
constexpr uint8_t kIcmpv6 = 58;
constexpr uint8_t kHopLimit = 255; /* what a router has passed on has less */
constexpr uint8_t kSolicitedFlag = 0x40;
constexpr uint8_t kOverrideFlag = 0x20;
constexpr uint8_t kSourceLinkLayer = 1;
constexpr uint8_t kTargetLinkLayer = 2;

bool IsMulticast(const IpAddress& address) { return address[0] == 0xff; }

/* ff02::1:ff00:0/104 (RFC 4291 section 2.7.1). */
bool IsSolicitedNode(const IpAddress& address) {
  constexpr uint8_t kPrefix[] = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
  return std::equal(std::begin(kPrefix), std::end(kPrefix), address.begin());
}

/* Of the pseudo-header (RFC 8200 section 8.1) and the ICMPv6 message: 0 where the checksum in it is right. */
uint16_t ChecksumOf(Bytes addresses, Bytes icmp) {
  return Checksum(AddUp(icmp, AddUp(addresses, static_cast<uint32_t>(icmp.size()) + kIcmpv6)));
}

/* False where an option claims no bytes or more than there are: then the whole message is void. */
bool FindLinkLayer(Bytes options, uint8_t wanted, std::optional<Mac>& out) {
  while (!options.empty()) {
    if (options.size() < 2) return false;
    const size_t size = 8u * options[1];
    if (size == 0 || size > options.size()) return false;
    Mac mac;
    if (options[0] == wanted && size == 8 && !out && ReadFront(options.subspan(2), mac)) out = mac;
    options = options.subspan(size);
  }
  return true;
}

struct Fields {
  const Mac& mac;
  const Mac& to;
  const IpAddress& source;
  const IpAddress& destination;
  NdpType type;
  uint8_t flags;
  const IpAddress& target;
};

/* With the link-layer address, of the target or of who asks for it, where `Frame` has room for it. */
template <typename Frame>
Frame Build(const Fields& fields) {
  Frame frame{};
  auto at = frame.begin();
  const auto put = [&at](const auto& bytes) { at = std::copy(std::begin(bytes), std::end(bytes), at); };
  constexpr uint8_t kEtherTypeIpv6[] = {0x86, 0xdd};
  constexpr uint8_t kIpv6Start[] = {0x60, 0, 0, 0, 0, std::tuple_size_v<Frame> - kEthernet - kIpv6, kIcmpv6, kHopLimit};
  const uint8_t icmp[] = {static_cast<uint8_t>(fields.type), 0, 0, 0, fields.flags, 0, 0, 0};
  const bool asks = fields.type == NdpType::kSolicitation;
  const uint8_t option[] = {asks ? kSourceLinkLayer : kTargetLinkLayer, 1};

  put(fields.to);
  put(fields.mac);
  put(kEtherTypeIpv6);
  put(kIpv6Start);
  put(fields.source);
  put(fields.destination);
  put(icmp);
  put(fields.target);
  if constexpr (std::tuple_size_v<Frame> > kEthernet + kIpv6 + kNdp) {
    put(option);
    put(fields.mac);
  }

  const Bytes bytes(frame);
  const uint16_t sum = ChecksumOf(bytes.subspan(kEthernet + 8, 32), bytes.subspan(kEthernet + kIpv6));
  frame[kEthernet + kIpv6 + 2] = static_cast<uint8_t>(sum >> 8);
  frame[kEthernet + kIpv6 + 3] = static_cast<uint8_t>(sum);
  return frame;
}

/* To the solicited-node group of the target. */
template <typename Frame>
Frame BuildSolicitation(const Mac& mac, const IpAddress& source, const IpAddress& target) {
  const Mac to{0x33, 0x33, 0xff, target[13], target[14], target[15]};
  const IpAddress group{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, target[13], target[14], target[15]};
  return Build<Frame>({mac, to, source, group, NdpType::kSolicitation, 0, target});
}

bool IsValid(const NdpMessage& message) {
  if (IsMulticast(message.target)) return false;
  if (message.type == NdpType::kAdvertisement) return !(IsMulticast(message.destination) && message.solicited);
  if (message.source != IpAddress{}) return true;
  return IsSolicitedNode(message.destination) && !message.link_layer;
}

}  // namespace

/* Advertisements come from the target itself: it is an address of ours, and on a lifeline the interface has no other. */
AdvertisementFrame BuildAdvertisement(const Mac& mac, const IpAddress& target, const Mac& to) {
  return Build<AdvertisementFrame>({mac, to, target, kAllNodes, NdpType::kAdvertisement, kOverrideFlag, target});
}

AdvertisementFrame BuildNdpAnswer(const Mac& mac, const NdpMessage& solicitation) {
  const auto& [type, from, source, destination, target, solicited, override_, link_layer] = solicitation;
  if (source == IpAddress{}) return BuildAdvertisement(mac, target);
  return Build<AdvertisementFrame>({mac, link_layer.value_or(from), target, source, NdpType::kAdvertisement,
                                    kSolicitedFlag | kOverrideFlag, target});
}

SolicitationFrame BuildNdpProbe(const Mac& mac, const IpAddress& target) {
  return BuildSolicitation<SolicitationFrame>(mac, {}, target);
}

QuestionFrame BuildNdpQuestion(const Mac& mac, const IpAddress& source, const IpAddress& target) {
  return BuildSolicitation<QuestionFrame>(mac, source, target);
}

bool ParseNdp(Bytes frame, NdpMessage& out) {
  if (frame.size() < kEthernet + kIpv6 + kNdp || frame[12] != 0x86 || frame[13] != 0xdd) return false;
  const Bytes ip = frame.subspan(kEthernet);
  const size_t size = static_cast<size_t>(ip[4] << 8 | ip[5]);
  if (ip[0] >> 4 != 6 || ip[6] != kIcmpv6 || ip[7] != kHopLimit || size < kNdp || size > ip.size() - kIpv6) return false;
  const Bytes icmp = ip.subspan(kIpv6, size); /* Ethernet may have padded */
  const bool solicitation = icmp[0] == static_cast<uint8_t>(NdpType::kSolicitation);
  if ((!solicitation && icmp[0] != static_cast<uint8_t>(NdpType::kAdvertisement)) || icmp[1] != 0) return false;
  if (ChecksumOf(ip.subspan(8, 32), icmp) != 0) return false;

  out = {};
  out.type = static_cast<NdpType>(icmp[0]);
  ReadFront(frame.subspan(6), out.from);
  ReadFront(ip.subspan(8), out.source);
  ReadFront(ip.subspan(24), out.destination);
  ReadFront(icmp.subspan(8), out.target);
  out.solicited = !solicitation && (icmp[4] & kSolicitedFlag) != 0;
  out.override_ = !solicitation && (icmp[4] & kOverrideFlag) != 0;
  const uint8_t option = solicitation ? kSourceLinkLayer : kTargetLinkLayer;
  return FindLinkLayer(icmp.subspan(kNdp), option, out.link_layer) && IsValid(out);
}

}  // namespace holdfast::wire
