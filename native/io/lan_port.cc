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
/* More than fit into a receive buffer, which the kernel makes twice as large as asked for (socket(7)) and which the smallest
 * frame takes 512 bytes of (skb->truesize): after so many, what was there before the first of them has been read. */
constexpr size_t kQueueFrames = 2 * kReceiveBytes / 512;
/* Of a frame, for the kernel's filter. */
constexpr uint32_t kWholeFrame = 512;
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
    BPF_STMT(BPF_RET | BPF_K, kWholeFrame),
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
  if (const int error = OpenPacketSocket(ifindex, ETH_P_ARP, {}, arp_.fd); error < 0) return error;
  if (const int error = OpenPacketSocket(ifindex, ETH_P_IPV6, kNdpFilter, ndp_.fd); error < 0) return error;
  return HearAllGroups(ndp_.fd.get(), ifindex);
}

void LanPort::Run(const std::function<void()>& on_news) noexcept {
  while (!stopping_) {
    WaitForFrames();
    /* In turn, and the table is looked at after each: there may never be a moment at which nothing has arrived. */
    Read(arp_);
    Read(ndp_);
    has_news_ = LookAtTable();
    if (!has_news_ || Clock::now() < news_at_) continue;
    news_at_ = Clock::now() + kNewsEvery;
    BeginInterval();
    on_news();
  }
}

void LanPort::WaitForFrames() noexcept {
  pollfd fds[] = {{arp_.fd.get(), POLLIN, 0}, {ndp_.fd.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  int wait_ms = -1;
  if (has_news_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(news_at_ - Clock::now());
    wait_ms = static_cast<int>(std::max<int64_t>(0, left.count()));
  }
  poll(fds, std::size(fds), wait_ms);
}

bool LanPort::LookAtTable() noexcept {
  const bool drained = arp_.drained && ndp_.drained;
  if (drained) {
    for (Source* source : {&arp_, &ndp_}) {
      source->frames = 0;
      source->drained = false;
    }
  }
  const std::scoped_lock lock(mutex_);
  if (drained) drains_++;
  return table_.HasSightings();
}

void LanPort::BeginInterval() noexcept {
  const std::scoped_lock lock(mutex_);
  left_in_interval_ = kMostAnInterval;
}

void LanPort::Stop() noexcept {
  stopping_ = true;
  eventfd_write(wake_.get(), 1);
}

void LanPort::Read(Source& source) noexcept {
  const int frames = Receive(source.fd.get());
  /* ENETDOWN is told once; the socket hears again when the interface is up again. */
  if (frames == -EINTR || frames == -ENETDOWN) return;
  const size_t heard = frames < 0 ? 0 : static_cast<size_t>(frames);
  source.frames += heard;
  source.drained = source.drained || heard < kFramesALot || source.frames >= kQueueFrames;
  if (heard > 0) Hear(heard, &source == &arp_ ? ArpIgnore() : 0);
}

int LanPort::Receive(int fd) noexcept {
  std::array<iovec, kFramesALot> places;
  std::array<mmsghdr, kFramesALot> messages{};
  for (size_t i = 0; i < kFramesALot; i++) {
    places[i] = {frames_[i].data(), kFrameBytes};
    messages[i].msg_hdr.msg_iov = &places[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  const int received = recvmmsg(fd, messages.data(), kFramesALot, MSG_DONTWAIT, nullptr);
  for (int i = 0; i < received; i++) sizes_[static_cast<size_t>(i)] = messages[static_cast<size_t>(i)].msg_len;
  return received < 0 ? -errno : received;
}

void LanPort::Hear(size_t frames, int arp_ignore) noexcept {
  const std::scoped_lock lock(mutex_);
  const wire::LanTable::Moment now = Now();
  for (size_t i = 0; i < frames; i++) {
    const wire::Answer answer = table_.Hear(wire::Bytes(frames_[i]).first(sizes_[i]), now, arp_ignore);
    if (const auto* arp = std::get_if<wire::ArpFrame>(&answer)) Send(*arp, ETH_P_ARP);
    if (const auto* ndp = std::get_if<wire::AdvertisementFrame>(&answer)) Send(*ndp, ETH_P_IPV6);
  }
}

/* Does not wait where the device's queue is full: who asked asks again. */
void LanPort::Send(wire::Bytes frame, uint16_t protocol) noexcept {
  const sockaddr_ll place = Place(ifindex_, protocol);
  const ssize_t sent = sendto(arp_.fd.get(), frame.data(), frame.size(), MSG_DONTWAIT,
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
  News news{table_.Take(std::min(most, left_in_interval_)), false};
  left_in_interval_ -= news.sightings.size();
  news.more = left_in_interval_ > 0 && table_.HasSightings();
  return news;
}

}  // namespace holdfast::io
