/* What may be done with an address, beside the plainest search that could decide it: a tag, the record that is wanted,
 * then what a dump found. */
#include "../../wire/presence.h"

#include <algorithm>
#include <cerrno>

#include "fuzz.h"

using namespace holdfast;
using fuzz::Require;
using wire::AddressRecord;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size <= sizeof(AddressRecord)) return 0;
  const uint8_t tag = data[0];
  const bool keeps_tags = (tag & 1) != 0;
  std::vector<AddressRecord> found = fuzz::Records(data + 1, size - 1);
  const AddressRecord wanted = found.front();
  found.erase(found.begin());

  const auto is_there = [&](const AddressRecord& place) { return wire::CompareAddress(place, wanted) == 0; };
  const auto is_at = [&](const AddressRecord& place) { return wire::SamePlace(place, wanted); };
  const auto is_ours = [&](const AddressRecord& place) {
    return is_at(place) && wire::IsOurs(place, tag, keeps_tags);
  };
  const auto places = std::ranges::count_if(found, is_there);
  const bool at = std::ranges::any_of(found, is_at);
  const bool ours = std::ranges::any_of(found, is_ours);

  for (int order = 0; order < 2; order++, std::ranges::reverse(found)) { /* a dump has no order to rely on */
    const wire::Presence presence(found);
    Require(presence.PlacesOf(wanted).size() == static_cast<size_t>(places), "every place of an address is found");
    const auto add = wire::JudgeAdd(presence, wanted, tag, keeps_tags);
    Require(add == (places == 0            ? std::nullopt
                    : places == 1 && ours ? std::optional<int32_t>(0)
                                          : std::optional<int32_t>(-EEXIST)),
            "an address is added only where it is nowhere, and is there only when it is ours at this very place");
    const auto remove = wire::JudgeRemove(presence, wanted, tag, keeps_tags);
    Require(remove == (at && !ours ? std::optional<int32_t>(-EPERM) : std::nullopt), "only ours is removed");
  }
  return 0;
}
