/* The threads of a LAN port, on the loopback interface of a network namespace of their own: for ThreadSanitizer. What it
 * answers and tells real hosts is in test/kernel. */
#include "../io/lan_port.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "../io/unique_fd.h"

namespace holdfast {

namespace {

using std::chrono::steady_clock;

constexpr wire::Mac kMac{2, 0, 0, 0, 0, 0x0a};
constexpr wire::Mac kOther{2, 0, 0, 0, 0, 0x0b};
constexpr wire::Ipv4 kHost{10, 1, 1, 2};
constexpr wire::IpAddress kSought[] = {wire::Mapped(kHost)};
constexpr wire::IpAddress kKept[] = {{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
constexpr wire::Ipv4 kComing4{10, 1, 1, 1};
constexpr wire::IpAddress kComing[] = {wire::Mapped(kComing4), {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};

/* In every namespace. */
constexpr uint32_t kLoopback = 1;
constexpr std::chrono::seconds kLimit{60};

/* 0 or -errno. */
int UseOwnNamespace() {
  if (unshare(CLONE_NEWNET) < 0) return -errno;
  const io::UniqueFd control(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  return ioctl(control.get(), SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
}

/* On a thread in a namespace that ends with it; threads that `work` starts are in there too. @returns false where this process
 * may not have one. */
bool InOwnNamespace(const std::function<void()>& work) {
  int error = 0;
  std::thread([&] {
    error = UseOwnNamespace();
    if (error == 0) work();
  }).join();
  if (error == 0) return true;
  /* ctest counts a test that says so as skipped (CMakeLists.txt). */
  if (error == -EPERM) MESSAGE("skipped: needs CAP_NET_ADMIN and CAP_NET_RAW");
  else CHECK(error == 0);
  return false;
}

/* Another host on that LAN, which this host hears as it hears any. */
class Peer {
 public:
  void Send(wire::Bytes frame, uint16_t protocol) const {
    sockaddr_ll place{};
    place.sll_family = AF_PACKET;
    place.sll_ifindex = kLoopback;
    place.sll_protocol = htons(protocol);
    sendto(wire_.get(), frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&place), sizeof place);
  }

 private:
  io::UniqueFd wire_{socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)};
};

/* A socket that hears what a LAN port hears, and so tells when it has arrived. */
class Witness {
 public:
  explicit Witness(uint16_t protocol) : wire_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(protocol))) {
    const timeval limit{kLimit.count(), 0};
    setsockopt(wire_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  bool Hears() const {
    uint8_t bytes[128];
    return recv(wire_.get(), bytes, sizeof bytes, 0) > 0;
  }

 private:
  io::UniqueFd wire_;
};

constexpr uint32_t kCrowd = 5000;

wire::Ipv4 CrowdAddress(uint32_t i) { return {10, 2, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)}; }

/* Each asks for another of 5,000 addresses of ours. */
void SendCrowd(const Peer& peer) {
  for (uint32_t i = 0; i < kCrowd; i++) {
    const wire::Mac mac{2, 1, 0, 0, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)};
    peer.Send(wire::BuildArpProbe(mac, CrowdAddress(i)), ETH_P_ARP);
  }
}

/* Not before `reached`, or the limit. */
bool Until(const std::function<bool()>& reached, const std::function<void()>& meanwhile) {
  const auto limit = steady_clock::now() + kLimit;
  while (!reached()) {
    if (steady_clock::now() > limit) return false;
    meanwhile();
  }
  return true;
}

}  // namespace

TEST_CASE("a LAN port hears and answers on its thread while other threads change its table and take what it heard") {
  int opened = 0;
  bool reached = false;
  uint32_t strange = 0;
  const bool ran = InOwnNamespace([&] {
    io::LanPort port;
    opened = port.Open(kLoopback, kMac);
    if (opened < 0) return;
    port.Own(kKept, false);
    port.Seek(kSought);
    /* Relaxed: what is counted here must not order what the port has to order by itself. */
    std::atomic<uint32_t> news = 0;
    std::atomic<uint32_t> probes = 0;
    std::atomic<uint32_t> claims = 0;
    std::atomic<bool> done = false;
    const auto add = [](std::atomic<uint32_t>& count, uint32_t more) { count.fetch_add(more, std::memory_order_relaxed); };
    std::thread reader([&] { port.Run([&] { add(news, 1); }); });
    std::thread owner([&] {
      while (!done.load(std::memory_order_relaxed)) {
        port.Own(kComing, true);
        port.Disown(kComing);
      }
    });
    std::thread seeker([&] {
      while (!done.load(std::memory_order_relaxed)) {
        port.Seek(kComing);
        port.Forsake(kComing);
      }
    });
    std::thread taker([&] {
      while (!done.load(std::memory_order_relaxed)) {
        for (const wire::Sighting& sighting : port.Take(2).sightings) {
          const bool is_claim = sighting.kind == wire::Sighting::kAnswerer && sighting.address == kSought[0];
          const bool is_probe = sighting.kind == wire::Sighting::kProber && sighting.address != kSought[0];
          if (is_claim) add(claims, sighting.count);
          if (is_probe) add(probes, sighting.count);
          if ((!is_claim && !is_probe) || sighting.mac != kOther) strange++;
        }
      }
    });
    const Peer peer;
    uint32_t rounds = 0;
    reached = Until([&] { return rounds >= 500 && claims >= 100 && probes >= 100 && news >= 3; },
                    [&] {
                      /* One answer a round, to the last frame: the port gets to its end of what there is to hear. */
                      if (port.answers() < rounds) return;
                      rounds++;
                      peer.Send(wire::BuildAnnouncement(wire::ArpForm::kReply, kOther, kHost), ETH_P_ARP);
                      peer.Send(wire::BuildArpProbe(kOther, kComing4), ETH_P_ARP);
                      peer.Send(wire::BuildNdpProbe(kOther, kComing[1]), ETH_P_IPV6);
                      peer.Send(wire::BuildNdpProbe(kOther, kKept[0]), ETH_P_IPV6);
                    });
    port.Stop();
    reader.join();
    done = true;
    owner.join();
    seeker.join();
    taker.join();
  });
  if (!ran) return;
  CHECK(opened == 0);
  CHECK(reached);
  CHECK(strange == 0);
}

TEST_CASE("a LAN port that another thread stops before it runs, or as it begins to, comes to its end") {
  int opened = 0;
  InOwnNamespace([&] {
    for (const bool before : {true, false}) {
      io::LanPort port;
      opened = port.Open(kLoopback, kMac);
      if (opened < 0) return;
      if (before) port.Stop();
      std::thread reader([&] { port.Run([] {}); });
      if (!before) port.Stop();
      reader.join();
    }
  });
  CHECK(opened == 0);
}

TEST_CASE("frames of one protocol that wait in thousands keep a LAN port from the other for one lot") {
  int opened = 0;
  uint32_t arp = 0;
  uint32_t ndp = 0;
  const bool ran = InOwnNamespace([&] {
    io::LanPort port;
    opened = port.Open(kLoopback, kMac);
    if (opened < 0) return;
    port.Own(kComing, true);
    const Peer peer;
    const Witness witness(ETH_P_IPV6);
    for (uint32_t i = 0; i < kCrowd; i++) peer.Send(wire::BuildArpProbe(kOther, kComing4), ETH_P_ARP);
    peer.Send(wire::BuildNdpProbe(kOther, kComing[1]), ETH_P_IPV6);
    if (!witness.Hears()) return;
    port.Run([&] {
      for (const wire::Sighting& sighting : port.Take(10).sightings)
        (sighting.address == kComing[1] ? ndp : arp) += sighting.count;
      port.Stop();
    });
  });
  if (!ran) return;
  CHECK(opened == 0);
  CHECK(ndp == 1);
  CHECK(arp > 0);
  CHECK(arp <= 64);
}

TEST_CASE("a LAN port hands over a bounded number of sightings an interval, and the rest in later ones") {
  int opened = 0;
  std::vector<size_t> taken;
  size_t sum = 0;
  const bool ran = InOwnNamespace([&] {
    io::LanPort port;
    opened = port.Open(kLoopback, kMac);
    if (opened < 0) return;
    std::vector<wire::IpAddress> ours;
    for (uint32_t i = 0; i < kCrowd; i++) ours.push_back(wire::Mapped(CrowdAddress(i)));
    port.Own(ours, true);
    SendCrowd(Peer());
    port.Run([&] {
      size_t here = 0;
      for (bool more = true; more;) {
        const io::LanPort::News news = port.Take(512);
        here += news.sightings.size();
        more = news.more;
      }
      taken.push_back(here);
      sum += here;
      if (sum >= kCrowd) port.Stop();
    });
  });
  if (!ran) return;
  CHECK(opened == 0);
  CHECK(sum == kCrowd);
  CHECK(taken.size() >= 3);
  for (const size_t here : taken) CHECK(here <= io::LanPort::kMostAnInterval);
}

}  // namespace holdfast
