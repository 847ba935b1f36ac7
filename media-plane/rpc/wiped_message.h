// Messages that bring keys: what they came in has none of them left once they are read (RFC 3711 9.1 keeps keys secret;
// memory that was freed is in the next core file). gRPC by itself would free the octets as they are.
#pragma once

#include <google/protobuf/message_lite.h>
#include <grpcpp/grpcpp.h>
#include <string.h>  // explicit_bzero

#include <cstdint>
#include <vector>

namespace sallyport::media::rpc {

// False: it is no such message. In either case the octets are zeros in their place, and `arrived` is empty.
inline bool read_and_wipe(grpc::ByteBuffer& arrived, google::protobuf::MessageLite& message) {
    bool whole = false;
    {
        grpc::ProtoBufferReader reader(&arrived);
        whole = reader.status().ok() && message.ParseFromZeroCopyStream(&reader);
    }
    // Nobody else has them: they are of this message alone, which has arrived. A slice so short that it is copied here
    // has no room for a key.
    std::vector<grpc::Slice> slices;
    if (arrived.Dump(&slices).ok())
        for (const grpc::Slice& slice : slices) explicit_bzero(const_cast<std::uint8_t*>(slice.begin()), slice.size());
    arrived.Clear();
    return whole;
}

}  // namespace sallyport::media::rpc
