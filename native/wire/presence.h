#pragma once
/* What may be done with an address, given what is on the host already. Kept apart from the system calls because a
 * mistake here costs a host its own address. */
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "address_record.h"

namespace holdfast::wire {

/* The result of a dump, sorted, so that all places of one address are found in O(log n). */
class Presence {
 public:
  explicit Presence(std::vector<AddressRecord> found);

  /* Every place where this address is, whatever interface or prefix. */
  std::span<const AddressRecord> PlacesOf(const AddressRecord& record) const;

 private:
  std::vector<AddressRecord> found_;
};

/* True when what was found was made by us: it carries our tag. On a kernel that keeps none (before 5.18) it is one that
 * could have been: untagged, and an alias by its looks. Where tags are kept, an untagged one is never ours. */
bool IsOurs(const AddressRecord& found, uint8_t tag, bool keeps_tags);

/* nullopt: ask the kernel. Otherwise the status to report without asking: 0 when it is there already and ours, -EEXIST
 * when it is anybody else's, or ours at another place. The kernel itself does not see the second case: it takes 10.1.1.1/32
 * beside the host's own 10.1.1.1/24 without a word. */
std::optional<int32_t> JudgeAdd(const Presence& presence, const AddressRecord& record, uint8_t tag,
                                bool keeps_tags);

/* nullopt: ask the kernel. -EPERM when what is there is not ours to remove: the kernel does not compare tags of addresses.
 * Ours beside another's at one place (two routes that differ in their metric): ask, it does compare those of routes. */
std::optional<int32_t> JudgeRemove(const Presence& presence, const AddressRecord& record, uint8_t tag,
                                   bool keeps_tags);

/* nullopt: ask the kernel. -EADDRNOTAVAIL where there is no alias that carries our tag at this place, or it stands
 * elsewhere too: a lifetime on the host's own address would cost the host that address. By the tag alone: an untagged
 * alias with a lifetime looks like one from DHCP. */
std::optional<int32_t> JudgeExtend(const Presence& presence, const AddressRecord& record, uint8_t tag);

/* "10.1.1.1/24 on interface 3 with protocol 18": how a refusal names what is in the way. */
std::string Describe(const AddressRecord& record);

}  // namespace holdfast::wire
