//! `install` and `uninstall`: the published connector with this backend in the place of its own.

use std::sync::Mutex;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyDict, PyTuple, PyType};

use super::backend::KernelDatabricksClient;
use super::peer::{Peer, import};
use super::result_set::ResultSet;

/// The connector's backends: module and class, and public methods that only its own parts call.
const BACKENDS: [(&str, &str, &[&str]); 2] = [
    (
        "databricks.sql.backend.kernel.client",
        "KernelDatabricksClient",
        &[],
    ),
    (
        "databricks.sql.backend.sea.backend",
        "SeaDatabricksClient",
        &["get_chunk_links"],
    ),
];

/// What stood in a backend's place.
enum Before {
    /// The class in a module that had been imported.
    Class {
        module: Py<PyAny>,
        name: &'static str,
        class: Py<PyAny>,
    },
    /// Nothing yet: the module is one of ours.
    Nothing {
        module: Py<PyAny>,
        path: &'static str,
    },
}

static INSTALLED: Mutex<Option<Vec<Before>>> = Mutex::new(None);

/// Puts this backend in the place of the connector's own, for connections opened from now on.
#[pyfunction]
pub(super) fn install(py: Python<'_>) -> PyResult<()> {
    // One thread at a time: CPython 3.11 parses in one thread alone without complaints.
    let mut installed = INSTALLED
        .lock_py_attached(py)
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if installed.is_some() {
        return Ok(());
    }
    Peer::get(py)?;
    let places = BACKENDS.map(|(path, _, _)| path.rsplit_once('.').unwrap_or((path, "")));
    for (parent, _) in places {
        import(py, parent)?;
    }
    let doubts = doubts(py)?;
    if !doubts.is_empty() {
        let version = import(py, "databricks.sql")?.getattr("__version__")?;
        return Err(PyRuntimeError::new_err(format!(
            "databricks_sql_kernel.connector cannot stand in for the backend of databricks-sql-connector \
             {version}: {}; use the connector's own backend, or a version of either that fits the other",
            doubts.join("; ")
        )));
    }
    let mut before = Vec::new();
    for (path, name, _) in BACKENDS {
        match replace(py, path, name) {
            Ok(replaced) => before.push(replaced),
            Err(raised) => {
                before.iter().try_for_each(|before| restore(py, before))?;
                return Err(raised);
            }
        }
    }
    *installed = Some(before);
    Ok(())
}

/// Gives the connector its own backends back, for connections opened from now on.
#[pyfunction]
pub(super) fn uninstall(py: Python<'_>) -> PyResult<()> {
    let mut installed = INSTALLED
        .lock_py_attached(py)
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let before = installed.take().unwrap_or_default();
    // Under the lock: who installs meanwhile would take what is still in a place for the connector's own.
    before.iter().try_for_each(|before| restore(py, before))
}

fn modules(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let modules = py.import("sys")?.getattr("modules")?;
    Ok(modules.cast_into::<PyDict>()?)
}

fn replace(py: Python<'_>, path: &'static str, name: &'static str) -> PyResult<Before> {
    let ours = py.get_type::<KernelDatabricksClient>();
    if let Some(module) = modules(py)?.get_item(path)? {
        let class = module.getattr(name)?.unbind();
        module.setattr(name, ours)?;
        let module = module.unbind();
        return Ok(Before::Class {
            module,
            name,
            class,
        });
    }
    let module = py
        .import("types")?
        .getattr("ModuleType")?
        .call1((path, "The backend of databricks_sql_kernel."))?;
    let spec = py.import("importlib.machinery")?.getattr("ModuleSpec")?;
    module.setattr("__spec__", spec.call1((path, py.None()))?)?;
    module.setattr(name, ours)?;
    if let Some((parent, last)) = path.rsplit_once('.') {
        import(py, parent)?.setattr(last, &module)?;
    }
    modules(py)?.set_item(path, &module)?;
    let module = module.unbind();
    Ok(Before::Nothing { module, path })
}

fn restore(py: Python<'_>, before: &Before) -> PyResult<()> {
    match before {
        Before::Class {
            module,
            name,
            class,
        } => module.setattr(py, *name, class),
        Before::Nothing { module, path } => {
            let modules = modules(py)?;
            if modules.get_item(path)?.is_some_and(|it| it.is(module)) {
                modules.del_item(path)?;
            }
            let Some((parent, last)) = path.rsplit_once('.') else {
                return Ok(());
            };
            let parent = import(py, parent)?;
            if parent.getattr_opt(last)?.is_some_and(|it| it.is(module)) {
                parent.delattr(last)?;
            }
            Ok(())
        }
    }
}

/// What speaks against this backend being one for the connector that is installed.
fn doubts(py: Python<'_>) -> PyResult<Vec<String>> {
    let mut doubts = Vec::new();
    let client = py.get_type::<KernelDatabricksClient>();
    let contracts = [
        (
            "databricks.sql.backend.databricks_client",
            "DatabricksClient",
            &client,
        ),
        (
            "databricks.sql.result_set",
            "ResultSet",
            &py.get_type::<ResultSet>(),
        ),
    ];
    for (module, name, ours) in contracts {
        let theirs = import(py, module)?.getattr(name)?;
        for method in theirs.getattr("__abstractmethods__")?.try_iter()? {
            let method: String = method?.extract()?;
            doubts.extend(missing_in(&theirs, ours, name, &method)?);
        }
    }
    for (module, name, spared) in BACKENDS {
        let Some(methods) = public_methods(py, module, name)? else {
            doubts.push(format!("it has no class {name} in {module}"));
            continue;
        };
        for method in methods {
            if !spared.contains(&method.as_str()) && !client.hasattr(method.as_str())? {
                doubts.push(format!("{name}.{method} is new"));
            }
        }
    }
    // A row is a tuple that has the names of its items in `__fields__`.
    let row = Peer::get(py)?.row(py);
    let row = row.call1(("name",))?.call1((1,))?;
    let names = row.getattr_opt("__fields__")?;
    if !row.is_instance_of::<PyTuple>() || names.is_none() {
        doubts.push("its rows are no tuples with __fields__".to_owned());
    }
    Ok(doubts)
}

/// What a method of ours lacks of theirs, if anything.
fn missing_in(
    theirs: &Bound<'_, PyAny>,
    ours: &Bound<'_, PyType>,
    class: &str,
    method: &str,
) -> PyResult<Option<String>> {
    let Some(own) = ours.getattr_opt(method)? else {
        return Ok(Some(format!("{class}.{method} is new")));
    };
    let their = theirs.getattr(method)?;
    if !their.is_callable() || !own.is_callable() {
        return Ok(None);
    }
    let signature = theirs.py().import("inspect")?.getattr("signature")?;
    let (own, their) = (signature.call1((own,))?, signature.call1((their,))?);
    let (own, their) = (own.getattr("parameters")?, their.getattr("parameters")?);
    for name in their.try_iter()? {
        let name = name?;
        if !own.contains(&name)? {
            return Ok(Some(format!(
                "{class}.{method} has the new argument '{name}'"
            )));
        }
    }
    Ok(None)
}

/// The public methods of a class by its source, which is not run; none where there is no source. No answer where there
/// is no such class.
fn public_methods(py: Python<'_>, module: &str, class: &str) -> PyResult<Option<Vec<String>>> {
    let find = py.import("importlib.util")?.getattr("find_spec")?;
    let loaded = modules(py)?.get_item(module)?;
    let spec = match &loaded {
        Some(loaded) => loaded.getattr("__spec__")?,
        None => find.call1((module,))?,
    };
    if spec.is_none() {
        return Ok(None);
    }
    let reader = spec.getattr("loader")?;
    let source = match reader.getattr_opt("get_source")? {
        Some(get) => get.call1((module,))?,
        None => return Ok(Some(Vec::new())),
    };
    if source.is_none() {
        return Ok(Some(Vec::new()));
    }
    let ast = py.import("ast")?;
    let (class_def, function_def) = (ast.getattr("ClassDef")?, ast.getattr("FunctionDef")?);
    let tree = ast.call_method1("parse", (source,))?;
    for node in tree.getattr("body")?.try_iter()? {
        let node = node?;
        if !node.is_instance(&class_def)? || node.getattr("name")?.extract::<String>()? != class {
            continue;
        }
        let mut methods = Vec::new();
        for item in node.getattr("body")?.try_iter()? {
            let item = item?;
            if item.is_instance(&function_def)? {
                let name: String = item.getattr("name")?.extract()?;
                if !name.starts_with('_') {
                    methods.push(name);
                }
            }
        }
        return Ok(Some(methods));
    }
    // A module of one import has the class from elsewhere, which says nothing about it.
    Ok(Some(Vec::new()))
}
