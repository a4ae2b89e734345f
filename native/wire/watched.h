#pragma once
/* The links, addresses and neighbours of a host, kept true by notifications, and what has changed since somebody looked. */
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "neighbours.h"
#include "notifications.h"
#include "tracked.h"

namespace holdfast::wire {

/* By address, then by place (SamePlace): all places of one address are neighbours. */
struct ByPlace {
  bool operator()(const AddressRecord& a, const AddressRecord& b) const;
};

struct Changes {
  std::vector<AddressRecord> removed; /* as they were */
  std::vector<AddressRecord> added;   /* as they are; one whose tag or flags changed is in both */
  std::vector<Difference<LinkRecord>> links;
  std::vector<Difference<NeighbourRecord>> neighbours;
};

/* Changes between two Take()s are told as one: what came and went meanwhile is not told, so that what waits to be taken is
 * never more than what was there and what is there together. No call but Towards() takes more than O(log n) a record. */
class Watched {
 public:
  void Apply(const AddressChange& change);
  void Apply(const LinkChange& change);
  void Apply(const NeighbourChange& change);

  /* What makes these tables equal to a dump. */
  std::vector<AddressChange> Towards(std::vector<AddressRecord> dump) const;
  std::vector<LinkChange> Towards(const std::vector<LinkRecord>& dump) const;
  std::vector<NeighbourChange> Towards(const std::vector<NeighbourRecord>& dump) const;

  /* True at most once for each cause: something went that the kernel does not tell, so a dump is needed. Those are IPv4
   * routes that go with the last IPv4 address of their interface or with the interface (fib_disable_ip() in
   * fib_frontend.c), and routes that were replaced. */
  bool TakeStale() { return std::exchange(stale_, false); }

  /* Whether this host has the address, whatever interface, prefix or mode. */
  bool Has(const AddressRecord& address) const;

  bool HasChanges() const { return !touched_.empty() || links_.HasChanges() || neighbours_.HasChanges(); }
  /* Links, at most `most` places of addresses, and at most `most` neighbours. */
  Changes Take(size_t most);
  /* What has changed so far is nobody's news. */
  void Forget();

 private:
  struct Counts {
    size_t addresses4 = 0;
    size_t routes4 = 0;
  };

  const AddressRecord* At(const AddressRecord& place) const;
  void Count(const AddressRecord& record, bool there);

  std::set<AddressRecord, ByPlace> addresses_;
  Tracked<uint32_t, LinkRecord> links_;
  Tracked<NeighbourPlace, NeighbourRecord> neighbours_;
  std::map<uint32_t, Counts> counts_; /* by interface */
  /* Place -> what was there when it was last taken. */
  std::map<AddressRecord, std::optional<AddressRecord>, ByPlace> touched_;
  bool stale_ = false;
};

}  // namespace holdfast::wire
