#include "announce.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace holdfast::io {

namespace {

constexpr size_t kFramesASend = 128; /* more a sendmmsg gains nothing that could be measured */

/* Frames that are waiting to go out together. */
class Burst {
 public:
  Burst(int fd, uint32_t ifindex) : fd_(fd) {
    for (sockaddr_ll* target : {&arp_, &ipv6_}) {
      target->sll_family = AF_PACKET;
      target->sll_ifindex = static_cast<int>(ifindex);
    }
    arp_.sll_protocol = htons(ETH_P_ARP);
    ipv6_.sll_protocol = htons(ETH_P_IPV6);
  }

  void Put(const wire::ArpFrame& frame) noexcept { Put(frame, arp_); }
  void Put(const wire::AdvertisementFrame& frame) noexcept { Put(frame, ipv6_); }
  void Put(const wire::SolicitationFrame& frame) noexcept { Put(frame, ipv6_); }

  SendOutcome Flush() noexcept {
    SendAll(fd_, messages_.data(), std::exchange(count_, 0), tries_, outcome_);
    return outcome_;
  }

 private:
  template <typename Frame>
  void Put(const Frame& frame, sockaddr_ll& target) noexcept {
    std::ranges::copy(frame, frames_[count_].begin());
    places_[count_] = {frames_[count_].data(), frame.size()};
    messages_[count_] = {};
    messages_[count_].msg_hdr.msg_name = &target;
    messages_[count_].msg_hdr.msg_namelen = sizeof target;
    messages_[count_].msg_hdr.msg_iov = &places_[count_];
    messages_[count_].msg_hdr.msg_iovlen = 1;
    if (++count_ == kFramesASend) Flush();
  }

  const int fd_;
  sockaddr_ll arp_{};
  sockaddr_ll ipv6_{};
  SendOutcome outcome_;
  unsigned tries_ = 0;
  size_t count_ = 0;
  std::array<std::array<uint8_t, std::tuple_size_v<wire::AdvertisementFrame>>, kFramesASend> frames_; /* the longest */
  std::array<iovec, kFramesASend> places_;
  std::array<mmsghdr, kFramesASend> messages_;
};

}  // namespace

int OpenAnnouncer(UniqueFd& out) noexcept {
  /* Protocol 0: no frame is ever delivered to this socket (packet(7)). */
  UniqueFd fd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return -errno;
  out = std::move(fd);
  return 0;
}

SendOutcome Announce(int fd, uint32_t ifindex, const wire::Mac& mac, std::span<const wire::Mac> to,
                     std::span<const wire::IpAddress> addresses) noexcept {
  Burst burst(fd, ifindex);
  for (const wire::IpAddress& address : addresses) {
    const wire::Ipv4 ipv4 = wire::LastFour(address);
    for (const wire::Mac& host : to) {
      if (wire::IsIpv4(address)) {
        burst.Put(wire::BuildAnnouncement(wire::ArpForm::kRequest, mac, ipv4, host));
        burst.Put(wire::BuildAnnouncement(wire::ArpForm::kReply, mac, ipv4, host));
      } else {
        burst.Put(wire::BuildAdvertisement(mac, address, host == wire::kBroadcast ? wire::kAllNodesMac : host));
      }
    }
  }
  return burst.Flush();
}

SendOutcome Probe(int fd, uint32_t ifindex, const wire::Mac& mac, std::span<const wire::IpAddress> addresses,
                  std::span<const wire::IpAddress> from) noexcept {
  const auto from4 = std::ranges::find_if(from, wire::IsIpv4);
  const auto from6 = std::ranges::find_if_not(from, wire::IsIpv4);
  const wire::Ipv4 sender4 = from4 == from.end() ? wire::Ipv4{} : wire::LastFour(*from4);
  Burst burst(fd, ifindex);
  for (const wire::IpAddress& address : addresses) {
    if (wire::IsIpv4(address))
      burst.Put(wire::BuildArpQuestion(mac, sender4, wire::LastFour(address)));
    else if (from6 == from.end())
      burst.Put(wire::BuildNdpProbe(mac, address));
    else
      burst.Put(wire::BuildNdpQuestion(mac, *from6, address));
  }
  return burst.Flush();
}

}  // namespace holdfast::io
