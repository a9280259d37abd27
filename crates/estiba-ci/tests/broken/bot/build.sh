#!/bin/sh
echo 1.2.0 > VERSION.txt
