#pragma once
/* Addresses as text, as they cross from TypeScript: those of a batch in one string. */
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "address_record.h"

namespace holdfast::wire {

/* Between the addresses of one string; src/kernel/append.ts has the same. It is in no address. */
constexpr char kSeparator = '\n';

/* Where addresses are to be plumbed, and how. */
struct Target {
  uint32_t ifindex;
  std::optional<uint8_t> prefix; /* without one it is the host's, by the family of each address */
  uint8_t flags;
};

/* A record of family and address, the rest zero. A zone ("fe80::1%eth0") is no part of an address, and 010.1.1.1 is none,
 * because programs differ in whether that is octal (RFC 6943 section 3.1.1). writeAddress() in src/kernel/address.ts takes the
 * same texts; test/native compares the two. */
std::optional<AddressRecord> ParseAddress(std::string_view text);

/* A record of each address, in their order; none at all where one is no address, or where there are more than `most`. */
std::vector<AddressRecord> ParseAddresses(std::string_view texts, const Target& target, size_t most);

}  // namespace holdfast::wire
