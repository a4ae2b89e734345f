#include "lan_port.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <utility>
#include <variant>

namespace holdfast::io {

namespace {

/* Some thousands of frames while the reader thread gets no processor. */
constexpr int kReceiveBytes = 4 << 20;
/* Beyond what ARP and a sensible solicitation take. */
constexpr size_t kFrameBytes = 512;
/* How long what /proc said about arp_ignore is good. */
constexpr std::chrono::seconds kArpIgnoreFresh{1};
constexpr std::chrono::milliseconds kNewsEvery{50};

/* Neighbour solicitations and advertisements straight behind the IPv6 header, with the hop limit of this link. */
constexpr sock_filter kNdpFilter[] = {
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 20), /* next header, hop limit */
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6 << 8 | 255, 0, 3),
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 54), /* ICMPv6 type */
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(wire::NdpType::kSolicitation), 2, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(wire::NdpType::kAdvertisement), 1, 0),
    BPF_STMT(BPF_RET | BPF_K, 0),
    BPF_STMT(BPF_RET | BPF_K, kFrameBytes),
};

sockaddr_ll Place(uint32_t ifindex, uint16_t protocol) {
  sockaddr_ll place{};
  place.sll_family = AF_PACKET;
  place.sll_ifindex = static_cast<int>(ifindex);
  place.sll_protocol = htons(protocol);
  return place;
}

/* Hears one protocol on one interface, and nothing that this host sends (packet(7): only ETH_P_ALL hears that). Deaf until
 * the filter is in place. */
int OpenPacketSocket(uint32_t ifindex, uint16_t protocol, std::span<const sock_filter> filter, UniqueFd& out) noexcept {
  UniqueFd fd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) return -errno;
  if (setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBytes, sizeof kReceiveBytes) < 0)
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBytes, sizeof kReceiveBytes);
  if (!filter.empty()) {
    const sock_fprog program{static_cast<uint16_t>(filter.size()), const_cast<sock_filter*>(filter.data())};
    if (setsockopt(fd.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0) return -errno;
  }
  const sockaddr_ll place = Place(ifindex, protocol);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&place), sizeof place) < 0) return -errno;
  out = std::move(fd);
  return 0;
}

/* Solicitations go to groups that nobody here joins, one for each last three bytes of an address: the device has to pass all
 * groups on. As long as the socket lives. */
int HearAllGroups(int fd, uint32_t ifindex) noexcept {
  packet_mreq request{};
  request.mr_ifindex = static_cast<int>(ifindex);
  request.mr_type = PACKET_MR_ALLMULTI;
  return setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof request) < 0 ? -errno : 0;
}

/* 0 where it cannot be read: as the kernel does by default. */
int ReadArpIgnore(const char* interface) noexcept {
  char path[64 + IF_NAMESIZE];
  std::snprintf(path, sizeof path, "/proc/sys/net/ipv4/conf/%s/arp_ignore", interface);
  const UniqueFd fd(open(path, O_RDONLY | O_CLOEXEC));
  char text[16] = "";
  if (fd.get() < 0 || read(fd.get(), text, sizeof text - 1) <= 0) return 0;
  return std::atoi(text);
}

}  // namespace

int LanPort::Open(uint32_t ifindex, const wire::Mac& mac) noexcept {
  ifindex_ = ifindex;
  table_ = wire::LanTable(mac);
  wake_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (wake_.get() < 0) return -errno;
  if (const int error = OpenPacketSocket(ifindex, ETH_P_ARP, {}, arp_); error < 0) return error;
  if (const int error = OpenPacketSocket(ifindex, ETH_P_IPV6, kNdpFilter, ndp_); error < 0) return error;
  return HearAllGroups(ndp_.get(), ifindex);
}

void LanPort::Run(const std::function<void()>& on_news) noexcept {
  while (!stopping_) {
    WaitForFrames();
    /* Both, to their end: what is heard from then on arrived after it. */
    for (const int fd : {arp_.get(), ndp_.get()})
      while (!stopping_ && ReadFrame(fd)) {
      }
    has_news_ = Drained();
    if (!has_news_ || Clock::now() < news_at_) continue;
    has_news_ = false;
    news_at_ = Clock::now() + kNewsEvery;
    on_news();
  }
}

void LanPort::WaitForFrames() noexcept {
  pollfd fds[] = {{arp_.get(), POLLIN, 0}, {ndp_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  int wait_ms = -1;
  if (has_news_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(news_at_ - Clock::now());
    wait_ms = static_cast<int>(std::max<int64_t>(0, left.count()));
  }
  poll(fds, std::size(fds), wait_ms);
}

bool LanPort::Drained() noexcept {
  const std::scoped_lock lock(mutex_);
  drains_++;
  return table_.HasSightings();
}

void LanPort::Stop() noexcept {
  stopping_ = true;
  eventfd_write(wake_.get(), 1);
}

bool LanPort::ReadFrame(int fd) noexcept {
  std::array<uint8_t, kFrameBytes> bytes;
  const ssize_t size = recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
  /* ENETDOWN is told once; the socket hears again when the interface is up again. */
  if (size < 0) return errno == EINTR || errno == ENETDOWN;
  const int arp_ignore = fd == arp_.get() ? ArpIgnore() : 0;
  const std::scoped_lock lock(mutex_);
  const wire::Answer answer = table_.Hear(wire::Bytes(bytes).first(static_cast<size_t>(size)), Now(), arp_ignore);
  if (const auto* arp = std::get_if<wire::ArpFrame>(&answer)) Send(*arp, ETH_P_ARP);
  if (const auto* ndp = std::get_if<wire::AdvertisementFrame>(&answer)) Send(*ndp, ETH_P_IPV6);
  return true;
}

/* Does not wait where the device's queue is full: who asked asks again. */
void LanPort::Send(wire::Bytes frame, uint16_t protocol) noexcept {
  const sockaddr_ll place = Place(ifindex_, protocol);
  const ssize_t sent = sendto(arp_.get(), frame.data(), frame.size(), MSG_DONTWAIT,
                              reinterpret_cast<const sockaddr*>(&place), sizeof place);
  if (sent >= 0) answers_++;
}

wire::LanTable::Moment LanPort::Now() const noexcept {
  using std::chrono::milliseconds;
  return {std::chrono::duration_cast<milliseconds>(Clock::now().time_since_epoch()).count(), drains_};
}

int LanPort::ArpIgnore() noexcept {
  const auto now = Clock::now();
  if (now < arp_ignore_until_) return arp_ignore_;
  char name[IF_NAMESIZE];
  arp_ignore_ = ReadArpIgnore("all");
  if (if_indextoname(ifindex_, name) != nullptr) arp_ignore_ = std::max(arp_ignore_, ReadArpIgnore(name));
  arp_ignore_until_ = now + kArpIgnoreFresh;
  return arp_ignore_;
}

void LanPort::Own(std::span<const wire::IpAddress> addresses, bool on_link) noexcept {
  const std::scoped_lock lock(mutex_);
  table_.Own(addresses, on_link, Now());
}

void LanPort::Disown(std::span<const wire::IpAddress> addresses) noexcept {
  const std::scoped_lock lock(mutex_);
  table_.Disown(addresses);
}

void LanPort::Seek(std::span<const wire::IpAddress> addresses) noexcept {
  const std::scoped_lock lock(mutex_);
  table_.Seek(addresses);
}

void LanPort::Forsake(std::span<const wire::IpAddress> addresses) noexcept {
  const std::scoped_lock lock(mutex_);
  table_.Forsake(addresses);
}

LanPort::News LanPort::Take(size_t most) noexcept {
  const std::scoped_lock lock(mutex_);
  News news{table_.Take(most), false};
  news.more = table_.HasSightings();
  return news;
}

}  // namespace holdfast::io
