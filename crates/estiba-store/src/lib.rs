//! Durable state: releases, deployments, steps, settings and sealed secrets.
