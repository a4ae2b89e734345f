#include "address_text.h"

#include <arpa/inet.h>

#include <algorithm>

namespace holdfast::wire {

std::optional<AddressRecord> ParseAddress(std::string_view text) {
  char terminated[INET6_ADDRSTRLEN] = "";
  /* inet_pton() stops at a NUL, and would take what comes before it. */
  if (text.size() >= sizeof terminated || text.find('\0') != text.npos) return std::nullopt;
  text.copy(terminated, text.size());
  const bool is_ipv6 = text.find(':') != text.npos;
  AddressRecord record{};
  record.family = is_ipv6 ? 6 : 4;
  if (inet_pton(is_ipv6 ? AF_INET6 : AF_INET, terminated, record.address) != 1) return std::nullopt;
  return record;
}

std::vector<AddressRecord> ParseAddresses(std::string_view texts, const Target& target, size_t most) {
  const size_t count = 1 + static_cast<size_t>(std::ranges::count(texts, kSeparator));
  if (count > most) return {};
  std::vector<AddressRecord> records;
  records.reserve(count);
  while (records.size() < count) {
    const size_t end = std::min(texts.find(kSeparator), texts.size());
    auto record = ParseAddress(texts.substr(0, end));
    if (!record) return {};
    record->ifindex = target.ifindex;
    record->prefix = target.prefix.value_or(HostPrefix(record->family));
    record->flags = target.flags;
    records.push_back(*record);
    texts.remove_prefix(std::min(end + 1, texts.size()));
  }
  return records;
}

}  // namespace holdfast::wire
