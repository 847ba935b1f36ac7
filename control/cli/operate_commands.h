// status, registration list, call list, call show, media sessions: what is going on. Each prints and returns, or
// throws Failure.
#pragma once

#include <string>

#include "control/cli/connection.h"

namespace sallyport::cli {

struct ListFilter {
    std::string trunk;       // id; empty: all
    bool live_only = false;  // calls
    int limit = 50;          // rows at most; 0: all
};

void status(const Connection& connection, bool json);
void list_registrations(const Connection& connection, const ListFilter& filter, bool json);
void list_calls(const Connection& connection, const ListFilter& filter, bool json);
void show_call(const Connection& connection, const std::string& id, bool json);
void list_media_sessions(const Connection& connection, const ListFilter& filter, bool json);

}  // namespace sallyport::cli
