#include "tickle.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "unique_fd.h"

namespace holdfast::io {

namespace {

constexpr size_t kConnectionsASend = 64;
constexpr std::array<uint32_t, kTickles> kSequences{0, 1U << 31};

union Target {
  sockaddr_in ipv4;
  sockaddr_in6 ipv6;
};

/* Where a packet goes is said beside it too; its port is of no meaning (raw(7)). */
socklen_t FillTarget(const wire::IpAddress& address, Target& target) {
  target = {};
  if (wire::IsIpv4(address)) {
    target.ipv4.sin_family = AF_INET;
    std::copy_n(address.begin() + 12, 4, reinterpret_cast<uint8_t*>(&target.ipv4.sin_addr));
    return sizeof target.ipv4;
  }
  target.ipv6 = {};
  target.ipv6.sin6_family = AF_INET6;
  std::copy_n(address.begin(), 16, reinterpret_cast<uint8_t*>(&target.ipv6.sin6_addr));
  return sizeof target.ipv6;
}

/* At most kConnectionsASend, all of one family. */
void SendSome(int fd, std::span<const wire::ConnectionRecord> connections, unsigned& tries,
              SendOutcome& outcome) noexcept {
  std::array<Target, kConnectionsASend> targets;
  std::array<wire::Segment, kConnectionsASend * kTickles> segments;
  std::array<iovec, kConnectionsASend * kTickles> places;
  std::array<mmsghdr, kConnectionsASend * kTickles> messages{};
  size_t count = 0;
  for (size_t i = 0; i < connections.size(); i++) {
    const socklen_t target_size = FillTarget(connections[i].remote, targets[i]);
    for (const uint32_t seq : kSequences) {
      segments[count] = wire::BuildTickle(connections[i], seq);
      places[count] = {segments[count].bytes.data(), segments[count].size};
      msghdr& message = messages[count++].msg_hdr;
      message.msg_name = &targets[i];
      message.msg_namelen = target_size;
      message.msg_iov = &places[count - 1];
      message.msg_iovlen = 1;
    }
  }
  SendAll(fd, messages.data(), count, tries, outcome);
}

void SendFamily(int family, std::span<const wire::ConnectionRecord> connections, SendOutcome& outcome) noexcept {
  if (connections.empty()) return;
  /* IPPROTO_RAW: packets come with their header, and none is ever received (raw(7)). */
  const UniqueFd fd(socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW));
  if (fd.get() < 0) {
    if (outcome.first_error == 0) outcome.first_error = -errno;
    outcome.failed += static_cast<uint32_t>(connections.size()) * kTickles;
    return;
  }
  unsigned tries = 0;
  for (size_t at = 0; at < connections.size(); at += kConnectionsASend)
    SendSome(fd.get(), connections.subspan(at, std::min(kConnectionsASend, connections.size() - at)), tries, outcome);
}

}  // namespace

SendOutcome Tickle(std::span<const wire::ConnectionRecord> connections) noexcept {
  std::vector<wire::ConnectionRecord> sorted(connections.begin(), connections.end());
  const auto ipv6 = std::ranges::partition(sorted, [](const auto& one) { return wire::IsIpv4(one.local); });
  SendOutcome outcome;
  SendFamily(AF_INET, {sorted.begin(), ipv6.begin()}, outcome);
  SendFamily(AF_INET6, {ipv6.begin(), ipv6.end()}, outcome);
  return outcome;
}

}  // namespace holdfast::io
