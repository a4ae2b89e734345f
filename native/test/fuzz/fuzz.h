#pragma once
/* A fuzz target is one LLVMFuzzerTestOneInput: libFuzzer calls it in `npm run native:fuzz`, driver.cc in ctest. */
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "../../wire/address_record.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace holdfast::fuzz {

inline void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

/* The whole records at the front of the input, in an allocation of just their size. */
inline std::vector<wire::AddressRecord> Records(const uint8_t* data, size_t size) {
  std::vector<wire::AddressRecord> records(size / sizeof(wire::AddressRecord));
  if (!records.empty()) std::memcpy(records.data(), data, records.size() * sizeof(wire::AddressRecord));
  return records;
}

}  // namespace holdfast::fuzz
