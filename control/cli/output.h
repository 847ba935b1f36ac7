// What every command prints with: a table or sentences for people, JSON for programs.
#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace sallyport::cli {

// Proto3 JSON with the API's field names; everything is there, defaults too.
std::string to_json(const google::protobuf::Message& message);
// The same as indented "name: value" lines, only what is set.
std::string to_yaml(const google::protobuf::Message& message);

std::string duration_text(double seconds);  // "3d 4h", "5m 12s", "42s"

}  // namespace sallyport::cli
