#!/bin/bash -ex
kubectl set image "deployment/restapi" "restapi=$IMAGE"
curl -H "Authorization: Bearer $TOKEN" x
