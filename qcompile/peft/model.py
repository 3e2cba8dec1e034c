"""peft's tuner: puts the parts of a compilation beside the modules that they are for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from peft.tuners.tuners_utils import (
    BaseTuner,
    _ExcludedModule,
    check_target_module_exists,
)
from peft.utils.constants import EMBEDDING_LAYER_NAMES
from torch import nn

from qcompile.adapter.fast_paths import leave_fast_paths, restore_fast_paths
from qcompile.adapter.heads import fix_vocabulary, free_vocabulary
from qcompile.adapter.merge_obstacles import ParameterUses
from qcompile.adapter.packed import close_attention, open_attention
from qcompile.adapter.starts import start_from_weight, waiting
from qcompile.adapter.watch import unwatch, watch
from qcompile.artifact.peft_folder import CORE
from qcompile.backends.simulator.module import AdapterModule, build_module
from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.messages.adapter import NotMergeable
from qcompile.diagnostics.messages.peft import AdapterNameTaken, AdapterUnknown, CombinationRefused
from qcompile.diagnostics.nearest import nearest
from qcompile.ir.compilation import PlannedSet
from qcompile.ir.hosts import LINEAR_HOST, PARAMETER_HOSTS, READ_HOSTS, parameter_of
from qcompile.peft.beside import QCompileBeside, take_all_from_beside
from qcompile.peft.config import QCompileConfig
from qcompile.peft.freeze import base_info, freeze
from qcompile.peft.layer import QCompileLayer
from qcompile.peft.merging import MergingHolder
from qcompile.peft.mixed import hold_names_off, let_names_pass, rows_to_adapters
from qcompile.peft.parameters import QCompileTarget, take_all_from_parameters
from qcompile.peft.parts import PartsHolder, SharedTensors
from qcompile.peft.prefix import QCompilePrefix, release_all
from qcompile.peft.probe import probe_layers
from qcompile.peft.selection import saved_tensors
from qcompile.peft.starts import check_calibrated, check_stored_weights, take_tensors
from qcompile.peft.state import (
    leave_base_weights_out,
    refuse_other_tensors,
    take_aliases_apart,
    without_adapter_name,
)
from qcompile.peft.undo import all_or_nothing, forget_adapter, merged_or_not


class QCompileModel(BaseTuner):  # type: ignore[misc, unused-ignore]
    """See `QCompileConfig`. Everything is checked before the first module is replaced."""

    prefix = "qcompile_"
    tuner_layer_cls = PartsHolder
    target_module_mapping: dict[str, list[str]] = {}  # noqa: RUF012

    def _pre_injection_hook(self, model: nn.Module, config: Any, adapter_name: str) -> None:
        layers = (m for m in model.modules() if isinstance(m, PartsHolder))
        # transformers injects each adapter with a tuner of its own.
        self.shared_tensors = next((m.shared for m in layers), SharedTensors())

    def inject_adapter(
        self, model: nn.Module, adapter_name: str, *args: Any, **kwargs: Any
    ) -> None:
        """Put an adapter in; after an error the model is what it was."""
        try:
            with all_or_nothing(model):
                super().inject_adapter(model, adapter_name, *args, **kwargs)
                leave_fast_paths(model, (QCompileLayer, QCompileBeside))
                fix_vocabulary(model, QCompileLayer)
                probe_layers(model, adapter_name)
                # Some of peft's models call this one, some its base, and transformers its own.
                watch(self)
                watch(model)
                hold_names_off(model)
                _leave_heads_out(self.peft_config[adapter_name])
        except BaseException:
            self.shared_tensors.forget(adapter_name)
            forget_adapter(model, adapter_name)
            raise

    def set_adapter(self, adapter_name: str | list[str], inference_mode: bool = False) -> None:
        """As peft does it.

        Raises:
            AdapterError: QA6219; what was active stays so.
        """
        self._refuse_unknown(adapter_name)
        super().set_adapter(adapter_name, inference_mode=inference_mode)

    def add_weighted_adapter(self, *args: Any, **kwargs: Any) -> None:
        """What peft's LoRA has.

        Raises:
            AdapterError: QA6229.
        """
        raise AdapterError(CombinationRefused())

    def _refuse_unknown(self, names: str | list[str] | None) -> None:
        """peft takes names that no adapter has for adapters that are at no module."""
        known = set(self.peft_config)
        for layer in self.model.modules():
            if isinstance(layer, PartsHolder):
                known.update(layer.qcompile_core)
        given = [names] if isinstance(names, str) else names or ()
        problems = [
            AdapterUnknown(name=name, present=tuple(sorted(known)), candidates=nearest(name, known))
            for name in dict.fromkeys(given)
            if name not in known
        ]
        if problems:
            raise AdapterError(*few(problems))

    def _prepare_adapter_config(self, peft_config: Any, model_config: Any) -> Any:
        return peft_config

    def _prepare_model(self, peft_config: QCompileConfig, model: nn.Module) -> None:
        manifest = freeze(peft_config, model)
        open_attention(model, [site.module for site in manifest.planned.sites])
        self._check_names(model)
        peft_config.check_tensors(saved_tensors(peft_config, model))
        if peft_config.target_modules is None:
            planned = manifest.planned
            peft_config.target_modules = {planned.module_of(site) for site in planned.sites}

    def _cast_adapter_dtype(self, adapter_name: str, autocast_adapter_dtype: bool = True) -> None:
        super()._cast_adapter_dtype(adapter_name, autocast_adapter_dtype=autocast_adapter_dtype)
        # Casting makes new parameters, one for each module.
        self.shared_tensors.forget(adapter_name)
        for layer in self.model.modules():
            if isinstance(layer, PartsHolder):
                for part in layer.parts([adapter_name]):
                    self.shared_tensors.tie(adapter_name, part)

    def _check_names(self, model: nn.Module) -> None:
        """peft tells adapters apart by their names between dots."""
        names = (module.name for module in base_info(model).modules)
        words = {word for name in names for word in name.split(".")} | {"base_model", "model"}
        for other in self.peft_config.values():
            manifest = other.manifest() if isinstance(other, QCompileConfig) else None
            if manifest is not None:
                words |= _words(manifest.planned)
        for name in self.peft_config:
            if name in words:
                raise AdapterError(AdapterNameTaken(name=name))

    @staticmethod
    def _check_target_module_exists(peft_config: QCompileConfig, key: str) -> Any:
        manifest = peft_config.manifest()
        planned = None if manifest is None else manifest.planned
        if planned is not None and any(key == planned.module_of(it) for it in planned.sites):
            return True
        found = check_target_module_exists(peft_config, key)
        return found if isinstance(found, _ExcludedModule) else False

    def _create_and_replace(
        self,
        peft_config: QCompileConfig,
        adapter_name: str,
        target: nn.Module,
        target_name: str,
        parent: nn.Module,
        current_key: str,
        parameter_name: str | None = None,
    ) -> None:
        manifest = peft_config.manifest()
        assert manifest is not None
        planned = manifest.planned
        with torch.device("meta" if _parameters_are_meta() else "cpu"):
            built = [
                build_module(planned.plans[site.unit], seed=planned.seed, site=site.module)
                for site in planned.sites
                if planned.module_of(site) == current_key
            ]
        if peft_config.start is not None:
            for part in built:
                take_tensors(part, peft_config.start)
        self._put_at_parameters(target, adapter_name, built)
        parts = [part for part in built if part.plan.host not in PARAMETER_HOSTS]
        if not parts and built:
            return
        stands = parts[0].plan if parts else None
        if stands is not None and (stands.mode == "prefix" or stands.host != LINEAR_HOST):
            if stands.host in READ_HOSTS and stands.mode != "prefix":
                check_stored_weights(target, parts, current_key)
            kind = QCompilePrefix if stands.mode == "prefix" else QCompileBeside
            holder = kind.of(target, current_key, self.shared_tensors)
            holder.put(adapter_name, parts)
            for part in parts:
                start_from_weight(part, target, waiting(part))
            if adapter_name not in self.active_adapters:
                holder.qcompile_core[adapter_name].requires_grad_(False)
            return
        check_stored_weights(target, parts, current_key)
        if peft_config.folder is None:
            check_calibrated(manifest, parts, current_key)
        if isinstance(target, QCompileLayer):
            layer = target
        else:
            layer = QCompileLayer(target, current_key, self.shared_tensors)
        layer.train(target.training)
        layer.put(adapter_name, parts)
        for part in parts:
            start_from_weight(part, layer.get_base_layer(), waiting(part))
        if adapter_name not in self.active_adapters:
            layer.qcompile_core[adapter_name].requires_grad_(False)
        if layer is not target:
            self._replace_module(parent, target_name, layer, target)

    def _put_at_parameters(
        self, target: nn.Module, adapter_name: str, parts: list[AdapterModule]
    ) -> None:
        by_site: dict[str, list[AdapterModule]] = {}
        for part in parts:
            if part.plan.host in PARAMETER_HOSTS:
                by_site.setdefault(part.site, []).append(part)
        for site, own in by_site.items():
            _, parameter, expert = parameter_of(site, own[0].plan.host)
            holder = QCompileTarget.of(target, parameter, expert, site, self.shared_tensors)
            holder.put(adapter_name, own)
            if adapter_name not in self.active_adapters:
                holder.qcompile_core[adapter_name].requires_grad_(False)

    def _replace_module(
        self, parent: nn.Module, child_name: str, new_module: nn.Module, child: nn.Module
    ) -> None:
        # peft's own would move all adapters to the base's device, and takes `weight` of a head of
        # several layers in modules_to_save, which has none.
        setattr(parent, child_name, new_module)

    def _unload_and_optionally_merge(
        self,
        merge: bool = True,
        progressbar: bool = False,
        safe_merge: bool = False,
        adapter_names: list[str] | None = None,
    ) -> Any:
        if not merge:
            self._take_out_merged()
        if merge:
            self._refuse_unmergeable(adapter_names)
        base: Any = super()
        with all_or_nothing(self.model), merged_or_not(self.model):
            if merge:
                # peft looks for modules with a `base_layer`.
                for layer in self.model.modules():
                    if isinstance(layer, QCompileBeside):
                        layer.merge(safe_merge=safe_merge, adapter_names=adapter_names)
            model = base._unload_and_optionally_merge(
                merge=merge,
                progressbar=progressbar,
                safe_merge=safe_merge,
                adapter_names=adapter_names,
            )
        release_all(model)
        take_all_from_beside(model)
        take_all_from_parameters(model)
        close_attention(model)
        restore_fast_paths(model)
        unwatch(model)
        let_names_pass(model)
        free_vocabulary(model)
        return model

    @contextlib.contextmanager
    def _enable_peft_forward_hooks(self, *args: Any, **kwargs: Any) -> Iterator[None]:
        names = kwargs.get("adapter_names")
        if names is None:
            yield
            return
        asked = (kwargs.get("num_beams"), kwargs.get("num_return_sequences"))
        repeats = max([1, *(number for number in asked if isinstance(number, int))])
        with rows_to_adapters(self.model, names, repeats):
            yield

    def merge_adapter(
        self, adapter_names: list[str] | None = None, safe_merge: bool = False
    ) -> None:
        """Merge, all modules or none.

        Raises:
            AdapterError: QA6006, QA6219.
        """
        self._refuse_unmergeable(adapter_names)
        with merged_or_not(self.model):
            super().merge_adapter(adapter_names=adapter_names, safe_merge=safe_merge)

    def _take_out_merged(self) -> None:
        """Without this `unload` would return a base with the updates in its weights."""
        for layer in self.model.modules():
            if isinstance(layer, MergingHolder):
                layer.unmerge()

    def _refuse_unmergeable(self, adapter_names: list[str] | None) -> None:
        self._refuse_unknown(adapter_names)
        names = self.active_adapters if adapter_names is None else adapter_names
        uses = ParameterUses(self.model)
        problems = []
        for layer in self.model.modules():
            if not isinstance(layer, PartsHolder):
                continue
            found = layer.obstacles(names)
            parts = layer.parts(names)
            if isinstance(layer, MergingHolder) and not found and parts:
                reason = uses.obstacle(layer.get_base_layer(), parts)
                found = [] if reason is None else [(parts[0].plan.adapter, reason)]
            problems += [
                NotMergeable(adapter=adapter, module=layer.site, reason=reason)
                for adapter, reason in found
            ]
        if problems:
            raise AdapterError(*few(problems))

    @classmethod
    def _get_adapter_state_dict(
        cls,
        model: nn.Module,
        config: Any,
        adapter_name: str,
        state_dict: dict[str, torch.Tensor],
        unwanted_adapter_names: list[str],
    ) -> dict[str, torch.Tensor]:
        """As peft does it, with a copy of each shared tensor but one.

        Files of safetensors hold no aliases: peft copies them itself when it saves, transformers
        refuses them. The configuration, which both save afterwards, notes the digest.
        """
        found: dict[str, torch.Tensor] = super()._get_adapter_state_dict(
            model=model,
            config=config,
            adapter_name=adapter_name,
            state_dict=state_dict,
            unwanted_adapter_names=unwanted_adapter_names,
        )
        leave_base_weights_out(model, state_dict)
        take_aliases_apart(found)
        config.note_tensors(
            {cls._remove_adapter_name_from_key(key, adapter_name): it for key, it in found.items()}
        )
        return found

    @classmethod
    def _remove_adapter_name_from_key(cls, key: str, adapter_name: str) -> str:
        own = without_adapter_name(key, adapter_name)
        if own is not None:
            return own
        plain: str = super()._remove_adapter_name_from_key(key, adapter_name)
        return plain

    @classmethod
    def _remap_adapter_state_dict_for_load(
        cls,
        model: nn.Module,
        config: Any,
        adapter_name: str,
        state_dict: dict[str, torch.Tensor],
    ) -> dict[str, torch.Tensor]:
        """As peft does it, but a missing, foreign or misshapen tensor is an error."""
        for layer in model.modules():
            # What is merged would stay in the weights under the tensors that come.
            if isinstance(layer, MergingHolder) and adapter_name in layer.merged_adapters:
                layer.unmerge()
        mapped: dict[str, torch.Tensor] = super()._remap_adapter_state_dict_for_load(
            model=model, config=config, adapter_name=adapter_name, state_dict=state_dict
        )
        refuse_other_tensors(model, adapter_name, mapped)
        return mapped


def _leave_heads_out(config: Any) -> None:
    """Take `lm_head` and the like off the targets, whose base weights peft would save with them.

    The plan says where the adapter stands, so that the targets are not needed again.
    """
    manifest = config.manifest() if isinstance(config, QCompileConfig) else None
    if manifest is not None:
        sites = {site.module for site in manifest.planned.sites}
        if not sites.isdisjoint(EMBEDDING_LAYER_NAMES):
            config.target_modules = sites.difference(EMBEDDING_LAYER_NAMES) or None


def _words(planned: PlannedSet) -> set[str]:
    """Everything that stands between two dots behind the name of peft's adapter."""
    found = {CORE}
    for site in planned.sites:
        found.add(site.adapter)
        for tensor in planned.plans[site.unit].tensors:
            found.update(tensor.name.split("."))
    return found


def _parameters_are_meta() -> bool:
    """Whether peft asks for tensors without values, which it says by a patch of nn.Module."""
    probe = nn.Module()
    probe.register_parameter("probe", nn.Parameter(torch.empty(0)))
    return next(probe.parameters()).device.type == "meta"
