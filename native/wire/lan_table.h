#pragma once
/* The addresses of ours on one LAN, and what frames that others send there mean for them. No clock, no socket. */
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "arp.h"
#include "ndp.h"

namespace holdfast::wire {

/* As it crosses to TypeScript: 28 bytes, `count` little-endian. src/kernel/lan.ts reads it. */
struct Sighting {
  enum Kind : uint8_t {
    kRival = 1,    /* uses an address of ours as its own (RFC 5227 section 2.4; RFC 4862 section 5.4.4) */
    kProber = 2,   /* asks whether an address of ours, or one that is sought, is free (RFC 5227 section 2.1.1; RFC 4862
                    * section 5.4.3) */
    kAnswerer = 3, /* has an address that was sought */
  };

  uint32_t count; /* frames */
  IpAddress address;
  Mac mac; /* of the last frame; of probers the lowest: of all that ask at once it is the one that may have the address */
  uint8_t kind;
  uint8_t padding;
};
static_assert(sizeof(Sighting) == 28);

/* What is to be sent because of a frame. */
using Answer = std::variant<std::monostate, ArpFrame, AdvertisementFrame>;

class LanTable {
 public:
  /* How the kernel itself answers ARP on this interface: the larger of net.ipv4.conf.{all,IF}.arp_ignore (ip-sysctl). */
  using ArpIgnore = int;

  struct Moment {
    int64_t ms;      /* steady */
    uint32_t drains; /* how often all frames that had arrived were heard */
  };

  /* @param mac of this interface: what it sends is ours. */
  explicit LanTable(const Mac& mac) : mac_(mac) {}

  /* Ours from now on. @param on_link whether they are interface addresses of this very interface, for which the kernel answers
   * neighbour solicitations, and ARP under arp_ignore 1. What arrived before, and frames of the next second, may be a
   * former owner's last, and are no rival's. */
  void Own(std::span<const IpAddress> addresses, bool on_link, const Moment& now);
  void Disown(std::span<const IpAddress> addresses);
  size_t owned() const { return owned_.size(); }

  /* Whoever has one of these, or asks whether it is free, is told of, until Forsake(). */
  void Seek(std::span<const IpAddress> addresses);
  void Forsake(std::span<const IpAddress> addresses);

  /* A frame from the LAN. @returns what answers it, where the kernel does not. */
  Answer Hear(Bytes frame, const Moment& now, ArpIgnore arp_ignore);

  bool HasSightings() const { return !sightings_.empty(); }
  /* At most `most`; sightings of one kind and address since the last time are one, so there are never more than three for each
   * address that is ours or sought. Begins behind the last one that was taken: whoever is seen all the time hides nobody. */
  std::vector<Sighting> Take(size_t most);

 private:
  struct Owned {
    Moment since;
    bool on_link;
  };

  Answer Hear(const ArpMessage& arp, const Moment& now, ArpIgnore arp_ignore);
  Answer Hear(const NdpMessage& ndp, const Moment& now);
  /* Somebody says that he has the address. */
  void HearClaim(const IpAddress& address, const Mac& mac, const Moment& now);
  void HearProbe(const IpAddress& address, const Mac& mac);
  void See(Sighting::Kind kind, const IpAddress& address, const Mac& mac);

  Mac mac_;
  std::map<IpAddress, Owned> owned_;
  std::set<IpAddress> sought_;
  using Key = std::pair<uint8_t, IpAddress>;
  std::map<Key, Sighting> sightings_;
  Key last_taken_{};
};

}  // namespace holdfast::wire
