#pragma once
/* The whole native surface. src/kernel/addon.ts describes each function for the side that calls it. */
#include <napi.h>

#include <map>

#include "../io/unique_fd.h"

namespace holdfast::binding {

/* What one environment (the main thread, or a worker thread) has open; closed when that environment ends. */
struct AddonState {
  std::map<int, io::UniqueFd> open; /* by its number */

  bool Has(int fd) const { return open.contains(fd); }
  int Keep(io::UniqueFd fd);
  io::UniqueFd Take(int fd); /* one that it has */
};

void ExportDumps(Napi::Env env, Napi::Object exports);
void ExportNeighbours(Napi::Env env, Napi::Object exports);
void ExportPlumb(Napi::Env env, Napi::Object exports);
void ExportAnnounce(Napi::Env env, Napi::Object exports);
void ExportLifeline(Napi::Env env, Napi::Object exports);
void ExportMonitor(Napi::Env env, Napi::Object exports);
void ExportSockets(Napi::Env env, Napi::Object exports);
void ExportUses(Napi::Env env, Napi::Object exports);
void ExportBind(Napi::Env env, Napi::Object exports);
void ExportLan(Napi::Env env, Napi::Object exports);

}  // namespace holdfast::binding
